"""The sentences on verdicts, and the last lines of a run: what is best, what ties with it, which floors are beaten."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec import structs
from records_made import everything, field, made, record

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.runs import Entrant
from vaebench.report import closing
from vaebench.report.outcomes import outcomes
from vaebench.report.verdicts import sentences

FLOORS = (Entrant("low", "bce"), Entrant("high", "bce"))


def drawn(values: dict[str, float], datasets: tuple[str, ...] = ("chest",), seeds: int = 5) -> Board:
    records = [
        one for name in datasets for one in field({**values, "low": 0.5, "high": 0.85}, dataset=name, seeds=seeds)
    ]
    return made(records, references=tuple(Entrant(name, "bce") for name in values), floors=FLOORS)


def test_the_best_is_told_from_the_others_and_from_floors() -> None:
    (one,) = outcomes(drawn({"vae": 0.95, "twin": 0.95, "ae": 0.7}))
    names = {"vae", "twin"}
    (column,) = one.columns
    assert {one.best.model, *(e.model for e in one.rivals[column])} == names == {e.model for e in one.above}
    assert one.beaten == {column: {"low": 3, "high": 2}}
    (told,) = sentences(drawn({"vae": 0.95, "ae": 0.7}))
    assert told.startswith("Reconstruction: vae has the best mean (MS-SSIM 0.9"), told
    assert "), and no other model could rank first. vae beats every floor. A true" in told
    gap = r" A true difference below 0\.0\d+ between two models would usually not be detected\.$"
    assert re.search(gap, told), told


@pytest.mark.parametrize(
    ("best", "high", "told"),
    [
        (1024, 32, "vae needs more numbers in its code (1,024) than high (32)."),
        (32, 32, ""),
        (16, 32, ""),
        (1024, None, ""),
    ],
)
def test_a_best_model_with_a_larger_code_than_the_strongest_floor_says_so(best: int, high: int, told: str) -> None:
    sizes = {"vae": best, "ae": 8, "high": high, "low": 8}
    values = {"vae": 0.95, "ae": 0.7, "high": 0.85, "low": 0.5}
    records = [
        one for model, value in values.items() for one in field({model: value}, cost={"code_size": sizes[model]})
    ]
    references = (Entrant("vae", "bce"), Entrant("ae", "bce"))
    (sentence,) = sentences(made(records, references=references, floors=FLOORS))
    assert told in sentence and ("needs more" in sentence) == bool(told), sentence


@pytest.mark.parametrize(("bits", "told"), [((400, 200), "vae needs more PSNR (400) than high (200)."), ((20, 20), "")])
def test_the_price_of_a_reconstruction_is_told_in_the_suites_own_terms(bits: tuple[int, int], told: str) -> None:
    """1,024 numbers may be sixteen times as many as 64, but not sixteen times as much: they are indices."""
    own = {"vae": (0.95, 1024, bits[0]), "ae": (0.7, 8, 50), "high": (0.85, 32, bits[1]), "low": (0.5, 8, 50)}
    records = [
        structs.replace(one, metrics=one.metrics | two.metrics)
        for model, (value, size, price) in own.items()
        for one, two in zip(
            field({model: value}, cost={"code_size": size}), field({model: price}, name="psnr"), strict=True
        )
    ]
    references = (Entrant("vae", "bce"), Entrant("ae", "bce"))
    (sentence,) = sentences(made(records, references=references, floors=FLOORS, prices={"reconstruction": ("psnr",)}))
    assert told in sentence and ("needs more" in sentence) == bool(told), sentence


def test_ties_floors_that_nobody_beats_and_many_names() -> None:
    """Without a winner, a sentence begins with that: who reads in a hurry shall not cite the best mean."""
    (told,) = sentences(drawn(dict.fromkeys(("a", "b", "c", "d", "e"), 0.7)))
    first = r"No winner: any of the 5 models could rank first; the best mean is [a-e]'s \(MS-SSIM 0\.70\d+\)\."
    floors = r"No model is shown to beat every floor: none of the 5 models is shown to beat high\."
    assert re.match(f"Reconstruction: {first} {floors}", told), told
    (told,) = sentences(drawn({**dict.fromkeys(("a", "b", "c", "d", "e"), 0.9), "worst": 0.6}))
    assert told.startswith("Reconstruction: No winner: 5 of 6 models could rank first; the best mean is ")
    assert "and 3 more beat every floor. A true" in told


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"vae": 0.95}, "vae is the only ranked model (MS-SSIM 0.95). It beats every floor."),
        ({"vae": 0.7}, "vae is the only ranked model (MS-SSIM 0.70). It is not shown to beat high."),
        ({"vae": 0.3}, "vae is the only ranked model (MS-SSIM 0.30). It is not shown to beat high or low."),
        ({"vae": 0.95, "twin": 0.95}, "No winner: either model could rank first; the best mean is X's (MS-SSIM 0.95). "
         "Both models beat every floor."),
        ({"vae": 0.7, "twin": 0.7}, "No winner: either model could rank first; the best mean is X's (MS-SSIM 0.70). "
         "Neither model is shown to beat every floor: neither of the two models is shown to beat high."),
        ({"vae": 0.7, "ae": 0.3}, "vae has the best mean (MS-SSIM 0.70), and no other model could rank first. "
         "Neither model is shown to beat every floor: neither of the two models is shown to beat high; one of the two "
         "models beats low."),
    ],
)  # fmt: skip
def test_one_and_two_models_have_words_of_their_own(values: dict[str, float], told: str) -> None:
    (sentence,) = sentences(drawn(values))
    shown = re.sub(r"(0\.\d\d)\d+\)", r"\1)", re.sub(r"(vae|twin)'s", "X's", sentence))
    assert shown.replace("0.69)", "0.70)").startswith(f"Reconstruction: {told}"), sentence


def test_several_datasets() -> None:
    (told,) = sentences(drawn({"vae": 0.95, "ae": 0.7}, ("chest", "knee")))
    own = r"\(MS-SSIM 0\.95\d on chest \(phantom\), 0\.95\d on knee \(phantom\); best mean on 2 of 2\)"
    first = f"vae has the best mean rank over 2 datasets {own}, and no other model could rank first on any dataset"
    assert re.match(f"Reconstruction: {first}. vae beats every floor on every dataset.", told)
    high = r"one of the two models beats the strongest floor \(high, 0\.85\d\)"
    assert re.search(rf"On chest \(phantom\), {high}; on knee \(phantom\), {high}\. ", told)
    (told,) = sentences(made(field({"a": 0.9, "b": 0.7}) + field({"a": 0.9, "b": 0.7}, dataset="knee", noise=0.05)))
    gap = r"A true difference below 0\.0\d+ on chest \(phantom\) or 0\.\d+ on knee \(phantom\) between two models would"
    assert re.search(gap, told)


def test_a_model_with_different_rivals_on_each_dataset_is_no_winner() -> None:
    """Reported by a reader: "no other model could rank first on every dataset" looked like a proof."""
    chest = field({"vae": 0.95, "twin": 0.95, "ae": 0.7, "be": 0.6})
    knee = field({"vae": 0.95, "twin": 0.6, "ae": 0.95, "be": 0.5}, dataset="knee")
    found = made(chest + knee)
    (one,) = outcomes(found)
    assert {c.dataset: [e.model for e in rivals] for c, rivals in one.rivals.items()} == {
        "chest": [{"vae", "twin"}.difference({one.best.model}).pop()], "knee": ["ae"]
    } and one.best.model == "vae"  # fmt: skip
    (told,) = sentences(found)
    assert "No winner: vae has the best mean rank" in told
    assert "others could rank first, too: twin on chest (phantom); ae on knee (phantom)." in told
    assert closing.best(found) == "Best: reconstruction no winner (3 could rank first; best mean rank: vae)"


def test_a_model_that_could_be_first_in_spite_of_its_mean_is_explained() -> None:
    """Reported by a reader: a chart showed such a model far behind, and the sentence was taken for a mistake."""
    records = [*field({"vae": 0.95, "mid": 0.9}, noise=0.002), *field({"wild": 0.8}, noise=0.2)]
    (told,) = sentences(made(records))
    assert "No winner: 2 of 3 models could rank first; the best mean is vae's" in told
    assert " wild, whose mean is worse than that of mid, could rank first and mid could not: if the results" in told
    assert "could not" not in next(iter(sentences(made(field({"vae": 0.95, "twin": 0.95, "ae": 0.7})))))


def test_which_direction_is_better_and_that_nobody_is_excluded() -> None:
    values = {"a": 0.9, "b": 0.9, "c": 0.9, "d": 0.9, "e": 0.9}
    records = [one for dataset in ("chest", "knee") for one in field(values, name="kid", dataset=dataset)]
    (told,) = (one for one in sentences(made(records)) if one.startswith("Generation"))
    assert "on knee (phantom), lower is better; best mean on " in told
    assert "too: all 4 others on chest (phantom); all 4 others on knee (phantom)." in told


def test_many_datasets_are_counted() -> None:
    names = ("chest", "knee", "hand", "skull")
    (told,) = sentences(drawn({"vae": 0.95, "twin": 0.95, "ae": 0.7}, names))
    assert "others could rank first, too: up to 1 on 4 of the datasets." in told
    assert (
        "dataset. On each dataset, 2 of the 3 models beat the strongest floor. A true" in told
        and "depending on the dataset, between two models would usually not be detected" in told
    )
    (told,) = sentences(drawn(dict.fromkeys(("a", "b", "c"), 0.7), names))
    assert "No model is shown to beat the strongest floor on any dataset. A true" in told


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"vae": 0.30, "ae": 0.25, "be": 0.2}, "All 3 models are worse than chance (0.20 to 0.30; chance is 0.5)."),
        ({"vae": 0.9, "ae": 0.25, "be": 0.2}, "2 of the 3 models are worse than chance (0.20 to 0.25; chance is 0.5)."),
        ({"vae": 0.90, "ae": 0.25}, "ae is worse than chance (0.25; chance is 0.5)."),
        ({"vae": 0.30, "ae": 0.25}, "Both models are worse than chance (0.25 to 0.30; chance is 0.5)."),
        ({"vae": 0.90, "ae": 0.50}, ""),
    ],
)  # fmt: skip
def test_models_below_chance(values: dict[str, float], told: str) -> None:
    (sentence,) = sentences(made(field(values), chance={"ms-ssim": 0.5}))
    assert told in re.sub(r"(0\.\d\d)\d", r"\1", sentence), sentence
    assert ("worse than chance" in sentence) == bool(told)
    assert "chance" not in next(iter(sentences(made(field(values)))))


def test_without_ranks_or_with_missing_seeds_nothing_is_said_of_chance() -> None:
    """One seed says hardly anything about a method; a model without every seed has no rank."""
    once = made(field({"vae": 0.3, "ae": 0.25}, seeds=1), chance={"ms-ssim": 0.5})
    assert "worse than chance" not in " ".join(sentences(once))
    records = [*field({"vae": 0.3, "ae": 0.25, "be": 0.2}), *field({"ce": 0.1}, seeds=4)]
    (sentence,) = sentences(made(records, chance={"ms-ssim": 0.5}))
    assert re.search(r"All 3 models are worse than chance \(0\.2\d* to 0\.3\d*; chance is 0\.5\)\.", sentence), sentence


def test_the_range_of_models_below_chance_goes_up_and_chance_is_not_rounded() -> None:
    records = [
        one for model, value in {"vae": 0.9, "ae": 0.8, "be": 0.7}.items() for one in field({model: value}, name="kid")
    ]
    (sentence,) = (one for one in sentences(made(records, chance={"kid": 0.25})) if one.startswith("Generation"))
    assert re.search(r"All 3 models are worse than chance \(0\.7\d* to 0\.9\d*; chance is 0\.25\)\.", sentence), (
        sentence
    )


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"vae": 0.95, "twin": 0.95}, "On chest, both models beat the strongest floor (high, 0.85); on knee, neither "
         "of the two models is shown to beat the strongest floor (high, 0.99)."),
        ({"vae": 0.95}, "On chest, it beats the strongest floor (high, 0.85); on knee, it is not shown to beat the "
         "strongest floor (high, 0.99)."),
        ({"vae": 0.5}, "It is not shown to beat the strongest floor on any dataset (chest: high, 0.85; knee: "
         "high, 0.99)."),
    ],
)  # fmt: skip
def test_one_and_two_models_on_two_datasets(values: dict[str, float], told: str) -> None:
    records = [
        one
        for name, high in (("chest", 0.85), ("knee", 0.99))
        for one in field({**values, "low": 0.1, "high": high}, dataset=name)
    ]
    (sentence,) = sentences(made(records, references=tuple(Entrant(name, "bce") for name in values), floors=FLOORS))
    shown = re.sub(r"(0\.\d\d)\d+", r"\1", sentence.replace(" (phantom)", ""))
    assert told in shown, shown


def test_a_rival_that_was_trained_on_the_metric_is_told() -> None:
    """A named rival may have had an advantage, as the best model may have had."""
    chest = field({"vae": 0.95, "twin": 0.95, "ae": 0.7}, dataset="chest")
    knee = field({"vae": 0.95, "twin": 0.6, "ae": 0.7}, dataset="knee")
    for one in chest + knee:
        if one.trial.model.name == "twin":
            one.metrics["ms-ssim"] = structs.replace(one.metrics["ms-ssim"], optimised=True)
    (sentence,) = sentences(made(chest + knee))
    assert "No winner" in sentence and "twin was trained on this metric." in sentence, sentence


def test_models_below_chance_on_one_of_two_datasets() -> None:
    records = field({"vae": 0.9, "ae": 0.8}) + field({"vae": 0.3, "ae": 0.2}, dataset="knee")
    (sentence,) = sentences(made(records, chance={"ms-ssim": 0.5}))
    assert sentence.count("chance is") == 1 and "On knee (phantom), both models are worse than chance (0." in sentence


def test_a_part_of_a_board_speaks_of_its_own_dataset() -> None:
    records = [
        one for name, best in (("chest", 0.95), ("knee", 0.6)) for one in field({"vae": best, "ae": 0.7}, dataset=name)
    ]
    board = made(records)
    for dataset, best in (("chest", "vae"), ("knee", "ae")):
        (told,) = sentences(board.narrowed(dataset=dataset))
        assert told.startswith(f"Reconstruction: {best} has the best mean (MS-SSIM ")


def test_without_ranks_nothing_is_claimed() -> None:
    board = drawn({"vae": 0.95, "ae": 0.7}, seeds=2)
    (told,) = sentences(board)
    assert "vae has the best mean" in told and told.endswith("; there are too few seeds or patients for ranks.")
    assert closing.best(board) == "Best: reconstruction vae (no ranks)"
    assert closing.above_floors(board) == "Beats every floor: not tested (no ranks or no floors)"


def test_the_last_lines() -> None:
    board = drawn({"vae": 0.95, "twin": 0.95, "ae": 0.7})
    assert closing.best(board) in (
        f"Best: reconstruction no winner (2 could rank first; best mean: {name})" for name in ("vae", "twin")
    )
    assert closing.best(drawn({"vae": 0.95, "ae": 0.7})) == "Best: reconstruction vae"
    assert sorted(closing.above_floors(board).removeprefix("Beats every floor: reconstruction ").split(", ")) == [
        "twin",
        "vae",
    ]
    assert closing.above_floors(drawn({"ae": 0.7, "gan": 0.6})) == "Beats every floor: reconstruction none"


@pytest.mark.parametrize("records", [[], [record("gan", error=("nan", "x"))], everything()], ids=["none", "bad", "all"])
def test_any_board_has_them(records: list) -> None:
    board = made(records)
    assert closing.best(board).startswith("Best: ") and closing.above_floors(board)
    assert all(line.endswith(".") for line in sentences(board))


def test_files_in_one_line(tmp_path: Path) -> None:
    names = ("leaderboard.csv", "leaderboard.md", "boards/anomaly.md", "leaderboard.html", "leaderboard-pictures")
    paths = [tmp_path / name for name in names]
    assert closing.wrote(paths) == (
        f"Wrote 5 files to {tmp_path}: leaderboard (.csv, .md, .html), boards/, leaderboard-pictures/"
    )
    assert closing.address(paths) == f"Page: {(tmp_path / 'leaderboard.html').as_uri()}"
    assert closing.wrote(paths[:1]) == f"Wrote {tmp_path / 'leaderboard.csv'}"
    assert closing.address([]) == "Page: not written"


def test_one_dataset_without_ranks_does_not_hide_the_other() -> None:
    """A second dataset with a single seed has no ranks; the sentences on the first one stay."""
    values = {"vae": 0.95, "ae": 0.7, "low": 0.5, "high": 0.85}
    both = [one for name, seeds in (("chest", 5), ("brain", 1)) for one in field(values, dataset=name, seeds=seeds)]
    (told,) = sentences(made(both, references=(Entrant("vae", "bce"), Entrant("ae", "bce")), floors=FLOORS))
    assert told.startswith("Reconstruction on chest (phantom): vae has the best mean (MS-SSIM 0.9"), told
    assert told.endswith("On brain (phantom), there are too few seeds or patients for ranks."), told


def test_a_best_model_that_was_trained_on_the_metric_is_said_to_be() -> None:
    records = field({"vae": 0.95, "ae": 0.7, "low": 0.5, "high": 0.85})
    references = (Entrant("vae", "bce"), Entrant("ae", "bce"))
    (plain,) = sentences(made(records, references=references, floors=FLOORS))
    for one in records:
        if one.trial.model.name in ("vae", "ae"):
            one.metrics["ms-ssim"] = structs.replace(one.metrics["ms-ssim"], optimised=True)
    (told,) = sentences(made(records, references=references, floors=FLOORS))
    assert "vae was trained on this metric." in told and "trained on this metric" not in plain, told
