import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from experiments.stats.tails import chi_squared_tail, student_critical, student_tail

dfs = st.one_of(st.floats(1, 100), st.floats(100, 1e6))


@given(st.floats(-40, 40), dfs)
def test_the_tail_of_t_agrees_with_scipy(t, df):
    assert student_tail(t, df) == pytest.approx(float(special.stdtr(df, -t)), rel=1e-8, abs=1e-280)


@given(st.floats(1e-6, 0.5), dfs)
def test_the_critical_value_of_t_agrees_with_scipy(tail, df):
    expected = float(-special.stdtrit(df, tail))

    assert student_critical(tail, df) == pytest.approx(expected, rel=1e-7, abs=1e-9)


@given(st.floats(0, 500), st.integers(1, 60))
def test_the_tail_of_chi_squared_agrees_with_scipy(x, df):
    expected = float(special.chdtrc(df, x))

    assert chi_squared_tail(x, df) == pytest.approx(expected, rel=1e-8, abs=1e-13)


def test_an_analysis_loads_no_scipy():
    code = (
        "import sys; from experiments.stats.differences import compare;"
        "from experiments.stats.sums import MeanSums;"
        "from experiments.stats.srm import check_split;"
        "import experiments.stats.sequential, experiments.stats.power, experiments.stats.bayes;"
        "compare(MeanSums(3, 6.0, 14.0), MeanSums(3, 9.0, 29.0)); check_split([1, 2], [1, 1]);"
        "sys.exit('scipy' in sys.modules or 'numpy' in sys.modules or 'django' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
