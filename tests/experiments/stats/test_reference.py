"""Published reference cases: every one passes exactly as given."""

import json
from pathlib import Path

import pytest

from experiments.stats.bayes import Prior, normal_posterior
from experiments.stats.differences import compare, difference_between
from experiments.stats.multiplicity import adjust_benjamini_hochberg
from experiments.stats.power import units_needed, units_needed_exact
from experiments.stats.proportions import newcombe_difference
from experiments.stats.sequential import compare_always_valid, mixture_likelihood_ratio
from experiments.stats.srm import check_split
from experiments.stats.sums import CupedSums, MeanSums, ProportionSums

CASES = json.loads((Path(__file__).parent.parent / "statistics.json").read_text())


def mean_sums(arm):
    return MeanSums(arm["n"], arm["sum"], arm["sum_squares"])


def proportion_sums(arm):
    return ProportionSums(arm["n"], arm["sum"])


def compared(given, make):
    options = {"relative": given["relative"], "alpha": given["alpha"]}
    a, b = make(given["a"]), make(given["b"])
    if "prior" in given:
        return bayesian(a, b, given)
    if "tune" in given:
        found = compare_always_valid(a, b, tuning_units=given["tune"], **options)
        return {"lift": found.value, "seq_ci": bounds(found), "se": found.se, "seq_p": found.p}
    found = compare(a, b, **options)
    return {"lift": found.value, "ci": bounds(found), "se": found.se, "p": found.p}


def bayesian(a, b, given):
    data = difference_between(a, b, relative=given["relative"])
    found = normal_posterior(data.value, data.se, prior=Prior(*given["prior"]))
    return {
        "post_mean": found.mean,
        "cred": [found.credible.low, found.credible.high],
        "chance": found.chance_to_win,
        "risk_keep": found.loss_if_kept,
        "risk_ship": found.loss_if_shipped,
    }


def newcombe(given):
    a = ProportionSums(given["n1"], given["s1"])
    b = ProportionSums(given["n2"], given["s2"])
    found = newcombe_difference(a, b, alpha=given["alpha"])
    return {"lift": found.value, "ci": bounds(found)}


def benjamini_hochberg(given):
    adjusted = adjust_benjamini_hochberg(given["p"])
    return {"rejected": sum(p <= given["q"] for p in adjusted), "first4": adjusted[:4]}


def power_t(given):
    options = {"power": given["power"], "alpha": given["alpha"]}
    return {
        "n_per_arm": units_needed_exact(given["delta"], given["sd"], **options),
        "normal_approx": units_needed(given["delta"], given["sd"], **options),
    }


def msprt(given):
    ratio = mixture_likelihood_ratio(
        given["diff"],
        given["n_pairs"],
        pair_variance=given["var_of_pair_diff"],
        prior_variance=given["tau2"],
    )
    return {"Lambda": ratio, "p": 1 / ratio}


def bounds(estimate):
    return [estimate.interval.low, estimate.interval.high]


ENGINE = {
    "mean": lambda given: compared(given, mean_sums),
    "sequential": lambda given: compared(given, mean_sums),
    "proportion": lambda given: compared(given, proportion_sums),
    "cuped": lambda given: compared(given, lambda arm: CupedSums(*arm)),
    "newcombe": newcombe,
    "bh": benjamini_hochberg,
    "srm": lambda given: {"p": check_split(given["counts"], given["weights"]).chi2_p},
    "power_t": power_t,
    "msprt": msprt,
}


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_it_gives_the_published_value(case):
    found = ENGINE[case["kind"]](case["input"])

    assert set(found) == set(case["expected"])
    for name, expected in case["expected"].items():
        assert found[name] == pytest.approx(expected, abs=case["tolerance"], rel=0), name


def test_all_ten_cases_are_there():
    assert len(CASES) == 10
