"""Assigns a tier to each record: *reported* (numbers only), *re-measured* or *reproduced*, stored in a manifest."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from vaebench.components.declared import Declared
from vaebench.components.discovery import installed
from vaebench.leaderboard.rules import headline_of
from vaebench.planning.suite import Suite
from vaebench.records import manifest, store
from vaebench.records.manifest import TIERS, Listed, Tier
from vaebench.records.record import BadRecord, Record
from vaebench.verification.declared import Counts, range_faults, size_faults, unknown
from vaebench.verification.fresh import fallen
from vaebench.verification.images import Images
from vaebench.verification.records import Examined
from vaebench.verification.remeasure import Again, Contradicted, Unanswered, compare
from vaebench.verification.reproduction import Verdict, verdict_of

Suites = Mapping[str, Suite | None]


def headlines(record: Record, suite: Suite) -> set[str]:
    """Return the headline metrics of the suite in the record's preset."""
    return set(headline_of(suite, record.trial.preset, Declared(installed(), suite.home)).values())


class Admission:
    """Verifies records one at a time and assigns their tiers. Faults are added to the problems in `seen`."""

    def __init__(self, seen: Examined, suites: Suites, again: Again) -> None:
        self.seen, self.suites, self.again = seen, suites, again
        self.tiers: dict[Path, Tier] = {}
        """the tiers of records above *reported*"""
        self.lines: list[str] = []
        """messages for the user"""

    def declare(self, thoroughly: bool) -> None:
        """Check records against the installed packages and, if `thoroughly`, against models and images made anew."""
        counts: Counts = {}
        strange: dict[str, int] = {}
        for path, record in self.seen.found.items():
            if suite := self.suites.get(record.trial.suite):
                faults = [*range_faults(record, suite)]
                if reason := unknown(record, suite):
                    strange[reason] = strange.get(reason, 0) + 1
                elif thoroughly:
                    faults += size_faults(record, suite, counts)
                self.seen.problems += [(path, fault) for fault in faults]
        self.lines += [f"{many} records get at most the tier reported: {reason}" for reason, many in strange.items()]
        if thoroughly:
            images = Images(self.again.data, self.again.cache)
            known = {path: record for path, record in self.seen.found.items() if record.status == "ok"}
            self.seen.problems += images.faults(known, self.suites)
            self.lines += [f"Images not compared: {name}: {why}" for name, why in images.missing.items()]

    def measure(self, path: Path, fresh: bool) -> None:
        """Re-measure one record from its weights and, if `fresh`, also on newly drawn test patients."""
        record, suite = self.seen.found[path], self.suites[self.seen.found[path].trial.suite]
        assert suite is not None
        names = headlines(record, suite)
        try:
            found = compare(record, self.again.measured(path, record, suite))
            faults = list(found.told)
            if fresh and record.trial.source == "phantom":
                drawn = self.again.measured(path, record, suite, random.SystemRandom().randrange(1, 2**31))
                faults += fallen(record, drawn, sorted(names))
                self.lines.append(f"Measured on new patients: {record.trial}")
        except Unanswered as reason:
            self.lines.append(f"Not re-measured: {record.trial}: {reason}")
            return
        except Contradicted as reason:
            self.lines.append(f"Not re-measured: {record.trial}: the weights do not belong to the record")
            faults = [str(reason)]
        else:
            near = f", {len(found.close)} within 5 % of their error" if found.close else ""
            self.lines.append(f"Re-measured: {record.trial}: {len(found.exact)} numbers are identical{near}")
            if not faults and _answered(record, names, {*found.exact, *found.close}):
                self.tiers[path] = "re-measured"
        self.seen.problems += [(path, fault) for fault in faults]

    def reproduce(self, path: Path) -> None:
        """Retrain the trial of one record."""
        record, suite = self.seen.found[path], self.suites[self.seen.found[path].trial.suite]
        assert suite is not None
        try:
            verdict = verdict_of(record, self.again.trained(record, suite), headlines(record, suite))
        except Unanswered as reason:
            verdict = Verdict(False, f"could not be retrained: {reason}")
        self.lines.append(f"{'Reproduced' if verdict.good else 'Not reproduced'}: {record.trial}: {verdict.told}")
        self.seen.problems += [(path, verdict.told)] if verdict.impossible else []
        if verdict.good:
            self.tiers[path] = "reproduced"

    def counts(self) -> dict[str, int]:
        """Return the number of records in each tier, and the number of refused records."""
        refused = {path for path, _ in self.seen.problems} & self.seen.found.keys()
        admitted = [self.tiers.get(path, "reported") for path in self.seen.found if path not in refused]
        return {tier: admitted.count(tier) for tier in reversed(TIERS)} | {"refused": len(refused)}


def manifest_faults(seen: Examined) -> None:
    """Check the records against the manifests of their tracks: a listed record must exist and be unchanged."""
    for path in seen.manifests:
        track = path.parent
        try:
            listed = manifest.read(track)
        except BadRecord as error:
            seen.problems.append((path, str(error)))
            continue
        for place, one in listed.items():
            if not (track / place).exists():
                seen.problems.append((path, f"it lists {place}, which is missing"))
            elif store.digest_of(track / place) != one.sha256:
                seen.problems.append((track / place, f"it differs from the record listed in {manifest.NAME}"))


def write_manifests(admission: Admission) -> list[Path]:
    """Write a manifest into the folder of each track and return the paths of the manifests.

    Unchanged records keep the tier in the old manifest if it is higher. Missing records stay listed: to withdraw a
    record, remove its entry by hand."""
    seen, written = admission.seen, []
    wrong = {path for path, _ in seen.problems}
    for track in seen.tracks:
        try:
            before = manifest.read(track)
        except BadRecord:
            before = {}
        now = dict(before)
        for path in (path for path in seen.found if path.parents[2] == track):
            place, digest = manifest.place_of(path, track), store.digest_of(path)
            old = before.get(place)
            tiers: Sequence[Tier] = [admission.tiers.get(path, "reported")]
            if old and old.sha256 == digest:
                tiers = [*tiers, old.tier]
            now[place] = Listed(digest, "reported" if path in wrong else max(tiers, key=TIERS.index))
        manifest.write(track, now)
        written.append(track / manifest.NAME)
    return written


def _answered(record: Record, names: set[str], agreed: set[str]) -> bool:
    """Return whether all headline metrics were recomputed and at least one of them has a number."""
    absent = {name for name in names if name in record.metrics and record.metrics[name].value is None}
    return bool(agreed & names) and names <= agreed | absent
