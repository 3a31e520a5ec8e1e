"""Metrics: what is asked of the evidence that a trained model left."""

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
        copying,
        diversity,
        generation,
        lesions,
        localisation,
        perception,
        reconstruction,
        representation,
    )

    return [
        reconstruction.Psnr,
        reconstruction.MsSsim,
        reconstruction.L1Error,
        *perception.METRICS,
        generation.RfdPca64,
        generation.FdPca64,
        generation.FdPca64Floor,
        generation.FdPca64FloorHalves,
        generation.KidPca64,
        generation.KidPca64Floor,
        generation.KidPca64FloorHalves,
        generation.PrecisionPca64,
        generation.RecallPca64,
        generation.DensityPca64,
        generation.CoveragePca64,
        diversity.PairMsSsim,
        diversity.PairMsSsimGap,
        *copying.METRICS,
        *representation.QUESTIONS,
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
    ]
