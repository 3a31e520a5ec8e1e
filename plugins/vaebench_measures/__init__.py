"""Metrics computed from the evidence of a trained model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaebench import hookimpl

if TYPE_CHECKING:
    from vaebench.interfaces import Metric


@hookimpl
def vaebench_metrics() -> list[type[Metric]]:
    from vaebench_measures import (
        anomaly,
        code,
        combined,
        copying,
        diversity,
        generation,
        lesions,
        localisation,
        reconstruction,
        representation,
    )

    return [
        reconstruction.Psnr,
        reconstruction.MsSsim,
        reconstruction.L1Error,
        *generation.METRICS,
        diversity.PairMsSsim,
        diversity.PairMsSsimGap,
        *copying.METRICS,
        *representation.METRICS,
        *code.METRICS,
        anomaly.AnomalyAuroc,
        anomaly.AnomalyAp,
        anomaly.AnomalyPrevalence,
        anomaly.HardestLabel,
        anomaly.OwnAuroc,
        anomaly.OwnAp,
        anomaly.Sensitivity,
        anomaly.Specificity,
        localisation.PixelAuroc,
        localisation.PixelAp,
        localisation.PixelDice,
        localisation.BoxHit,
        localisation.BoxConcentration,
        *lesions.METRICS,
        *combined.METRICS,
    ]
