"""The numbers of the cohort's sheet, on signals whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt
from scipy.stats import kurtosis
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from offline.classifiers.shrinkage import ShrinkageLda
from offline.cohort.difficulty import Windows, difficulty, reference_spec, stack_features, trial_features
from offline.cohort.session_summary import summarise
from offline.cohort.signal_statistics import AMPLITUDE_EDGES, RANGES, clean, session_statistics
from rt_handdt.errors import RecordingError

LAYOUT = reference_spec().layout
FS = 2048.0
N = LAYOUT.n_channels
ROWS, COLUMNS = np.asarray(LAYOUT.cells).T


def trial(rng, *, active=100.0, quiet=5.0, band=(40, 160), mixed=0.8, n=2048, begin=600):
    """One trial: noise of `quiet` µV, and from sample `begin` on a source that all channels share besides their own."""
    sos = butter(4, band, "bandpass", fs=FS, output="sos")
    own = sosfiltfilt(sos, rng.standard_normal((n + 800, N)), axis=0)[400:-400]
    shared = sosfiltfilt(sos, rng.standard_normal((n + 800, 1)), axis=0)[400:-400]
    x = np.sqrt(mixed) * shared + np.sqrt(1 - mixed) * own
    x *= active / x.std(axis=0)
    x[:begin] = 0
    noise = sosfiltfilt(sos, rng.standard_normal((n + 800, N)), axis=0)[400:-400]
    return (x + quiet * noise / noise.std(axis=0)).astype(np.float32)


@pytest.fixture(scope="module")
def session():
    rng = np.random.default_rng(0)
    return [(trial(rng), code) for code in (6, 7) for _ in range(2)]


@pytest.fixture(scope="module")
def measured(session):
    return session_statistics(session, LAYOUT)


def test_levels_correlation_and_shape_are_those_put_in(measured):
    assert measured.active_rms_uv == pytest.approx(100, rel=0.15)  # the busiest quarter is a little above the mean
    assert measured.quiet_rms_uv == pytest.approx(5, rel=0.1)
    assert measured.neighbour_correlation == pytest.approx(0.8, abs=0.03)
    np.testing.assert_allclose(measured.correlation_along, 0.8, atol=0.05)  # the same at any distance
    np.testing.assert_allclose(measured.correlation_across, 0.8, atol=0.05)
    assert 90 < measured.median_frequency_hz < 110  # the middle of 40–160 Hz
    assert abs(measured.kurtosis) < 0.2  # Gaussian
    assert measured.bad_channels == ()
    assert measured.n_trials == 4
    assert measured.gestures == (6, 7)
    assert measured.rms_maps.shape == (2, 16, 16)
    assert measured.value("quiet_rms_uv") == measured.quiet_rms_uv


def test_curves_are_densities(measured):
    step = measured.spectrum_hz[1] - measured.spectrum_hz[0]
    assert measured.spectrum.sum() * step == pytest.approx(1)
    assert (measured.amplitude * np.diff(AMPLITUDE_EDGES)).sum() == pytest.approx(1)
    inside = (measured.spectrum_hz > 35) & (measured.spectrum_hz < 165)
    assert measured.spectrum[inside].sum() * step > 0.95


def test_offset_and_mains_are_not_emg(session, measured):
    time = np.arange(2048) / FS
    wave = 40 * np.sin(2 * np.pi * 50 * time + 0.7)[:, None] + 20_000
    dirty = session_statistics([(x + wave.astype(np.float32), code) for x, code in session], LAYOUT)
    assert dirty.quiet_rms_uv == pytest.approx(measured.quiet_rms_uv, rel=0.02)
    assert dirty.active_rms_uv == pytest.approx(measured.active_rms_uv, rel=0.02)


def test_the_contractions_own_50_hz_stays_out_of_the_rest_before_it(session):
    x = session[0][0]
    quiet = clean(x, FS)[:400]
    assert quiet.std(axis=0).mean() == pytest.approx(x[:400].std(axis=0).mean(), rel=0.15)


def test_correlations_are_those_of_a_plain_loop():
    """Independent electrodes but for a pattern that fades with distance; compared pair by pair, seams respected."""
    rng = np.random.default_rng(1)
    distance = np.hypot(ROWS[:, None] - ROWS, COLUMNS[:, None] - COLUMNS)
    mixing = np.exp(-distance / 2)
    gain = np.linspace(0.5, 2.0, N)
    x = (sosfiltfilt(butter(4, (40, 160), "bandpass", fs=FS, output="sos"), rng.standard_normal((2048, N)), axis=0)
         @ mixing * gain).astype(np.float32)  # fmt: skip
    found = session_statistics([(x, 6)], LAYOUT)
    steady = sosfiltfilt(butter(2, (20, 500), "bandpass", fs=FS, output="sos"), x.astype(float), axis=0)[1024:]
    steady -= steady.mean(axis=0)
    level = steady.std(axis=0)
    busy = set(np.argsort(level)[-64:].tolist())
    array = (ROWS // 8) * 2 + COLUMNS // 8
    along = {d: [] for d in range(1, 8)}
    across = {d: [] for d in range(1, 8)}
    c = np.abs(np.corrcoef(steady.T))
    for a in busy:
        for b in range(N):
            if array[a] == array[b] and COLUMNS[a] == COLUMNS[b] and ROWS[a] != ROWS[b]:
                along[abs(ROWS[a] - ROWS[b])].append(c[a, b])
            if array[a] == array[b] and ROWS[a] == ROWS[b] and COLUMNS[a] != COLUMNS[b]:
                across[abs(COLUMNS[a] - COLUMNS[b])].append(c[a, b])
    np.testing.assert_allclose(found.correlation_along, [np.mean(along[d]) for d in range(1, 8)], atol=0.02)
    np.testing.assert_allclose(found.correlation_across, [np.mean(across[d]) for d in range(1, 8)], atol=0.02)
    assert found.neighbour_correlation == pytest.approx(np.mean(along[1] + across[1]), abs=0.02)
    assert found.active_rms_uv == pytest.approx(np.median(np.sort(level)[-64:]), rel=0.02)
    np.testing.assert_allclose(found.distances_mm, np.arange(10, 80, 10))


def test_kurtosis_and_variation_are_those_of_the_textbook():
    rng = np.random.default_rng(2)
    # amplitude steps from trial to trial are no variation within a contraction, and no heavy tails
    trials = [(trial(rng, active=level, mixed=0.0), 6) for level in (50.0, 200.0)]
    calm = session_statistics(trials, LAYOUT)
    assert abs(calm.kurtosis) < 0.25
    assert calm.rms_cv < 0.12
    swell = np.where(np.arange(2048) < 1536, 0.8, 1.2)[:, None]  # the two windows of the steady half: RMS 0.8 and 1.2
    swelling = session_statistics([((x * swell).astype(np.float32), code) for x, code in trials], LAYOUT)
    expected = np.std([0.8, 1.2], ddof=1)
    assert swelling.rms_cv == pytest.approx(np.hypot(expected, calm.rms_cv), rel=0.15)
    burst = np.where(rng.random((2048, 1)) < 0.1, 4.0, 0.7)
    heavy = session_statistics([((x * burst).astype(np.float32), 6) for x, _ in trials], LAYOUT)
    plain = [kurtosis(sosfiltfilt(butter(2, (20, 500), "bandpass", fs=FS, output="sos"), x * burst, axis=0)[1024:])
             for x, _ in trials]  # fmt: skip
    assert heavy.kurtosis == pytest.approx(np.median(plain), rel=0.3)
    assert heavy.kurtosis > 1


def test_maintenance_trials_have_no_rest_but_more_windows():
    rng = np.random.default_rng(3)
    found = session_statistics([(trial(rng, n=4096, begin=0), 6)], LAYOUT, kind="maintenance")
    assert np.isnan(found.quiet_rms_uv)
    assert 0.02 < found.rms_cv < 0.15
    assert not RANGES["quiet_rms_uv"].holds(found.quiet_rms_uv)


def test_bad_channels_are_found_and_left_out(session):
    weak, noisy, missing = 17, 100, 200
    rng = np.random.default_rng(4)
    spoilt = []
    for x, code in session:
        y = x.copy()
        y[:, weak] *= 0.2
        y[:, noisy] += rng.normal(0, 60, len(y)).astype(np.float32)
        y[:, missing] = np.nan
        spoilt.append((y, code))
    found = session_statistics(spoilt, LAYOUT)
    assert found.bad_channels == (weak, noisy, missing)
    assert np.isnan(LAYOUT.from_grid(found.rms_maps)[:, [weak, noisy, missing]]).all()
    assert np.isfinite(LAYOUT.from_grid(found.rms_maps)).sum() == 2 * (N - 3)
    assert found.neighbour_correlation == pytest.approx(0.8, abs=0.03)
    assert np.isfinite([trial_features(x) for x, _ in spoilt]).all()


def test_senseless_trials_are_refused(session):
    with pytest.raises(RecordingError, match="without a trial"):
        session_statistics([], LAYOUT)
    with pytest.raises(RecordingError, match=r"at least 1 s; one has 0\.488 s"):
        session_statistics([(session[0][0][:1000], 6)], LAYOUT)
    with pytest.raises(RecordingError, match=r"at least 0\.5 s"):
        trial_features(session[0][0][:1000])
    with pytest.raises(RecordingError, match="at least one dynamic trial"):
        stack_features([])


def test_features_are_log_rms_and_log_wl_of_five_windows():
    time = np.arange(2048) / FS
    x = np.repeat(80 * np.sin(2 * np.pi * 128 * time)[:, None], N, axis=1).astype(np.float32)
    x[:, 3] *= 2
    found = trial_features(x)
    assert found.shape == (5, 2 * N)
    # 128 Hz is 16 samples a period, well inside the band
    assert np.exp(found[:, 0]) == pytest.approx(80 / np.sqrt(2), rel=0.02)
    assert np.exp(found[:, N]) == pytest.approx(511 / 16 * 4 * 80, rel=0.03)
    np.testing.assert_allclose(found[:, [3, N + 3]] - found[:, [0, N]], np.log(2), atol=1e-4)
    short = trial_features(x[256:])  # the windows hang on the trial's end
    np.testing.assert_allclose(short, found, atol=0.01)


def test_summary_holds_the_windows_of_each_trial(session):
    summary = summarise(3, 2, session, examples=True)
    assert summary.windows.x.shape == (20, 2 * N)
    assert summary.windows.y.tolist() == [6] * 10 + [7] * 10
    assert summary.windows.trial.tolist() == np.repeat(range(4), 5).tolist()
    assert summary.windows.repetition.tolist() == np.repeat([0, 1, 0, 1], 5).tolist()
    assert set(summary.examples) == {6, 7}
    assert summary.held is None


# -- the reference decoder -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "p"), [(30, 12), (24, 60), (200, 20)])
def test_lda_is_scikit_learns(n, p):
    rng = np.random.default_rng(n)
    y = np.sort(rng.integers(0, 3, n)) * 5 + 2
    x = rng.normal(size=(n, p)) @ rng.normal(size=(p, p)) * rng.uniform(0.1, 10, p) + y[:, None]
    x[:, 1] = 3.0  # a feature that never changes
    ours = ShrinkageLda.fit(x, y)
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(x, y)
    np.testing.assert_allclose(ours.weights.T, theirs.coef_, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(ours.offsets, theirs.intercept_, rtol=1e-6, atol=1e-6)
    fresh = rng.normal(size=(50, p)) * 5 + y.mean()
    assert ours.predict(fresh).tolist() == theirs.predict(fresh).tolist()


def test_lda_with_a_given_shrinkage_is_scikit_learns():
    rng = np.random.default_rng(1)
    y = np.sort(rng.integers(0, 4, 80))
    x = rng.normal(size=(80, 30)) @ rng.normal(size=(30, 30)) + y[:, None]
    x[:, 1] = 3.0
    ours = ShrinkageLda.fit(x, y, shrinkage=0.05)
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.05).fit(x, y)
    np.testing.assert_allclose(ours.weights.T, theirs.coef_, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(ours.offsets, theirs.intercept_, rtol=1e-6, atol=1e-6)


def windows(rng, centres, repetitions=3, codes=(6, 7, 8), per_trial=5, spread=0.3, trial_spread=0.0):
    rows, y, number = [], [], []
    for repetition in range(repetitions):
        for code in codes:
            middle = centres[code] + trial_spread * rng.normal(size=len(centres[code]))
            rows.append(middle + spread * rng.normal(size=(per_trial, len(middle))))
            y += [code] * per_trial
            number += [repetition * len(codes) + codes.index(code)] * per_trial
    return Windows(np.concatenate(rows), np.asarray(y), np.asarray(number))


def test_difficulty_grows_with_what_differs():
    rng = np.random.default_rng(5)
    common = {code: 2 * rng.normal(size=8) for code in (6, 7, 8)}
    sets = {}
    for subject in (1, 2, 3, 4):
        own = {code: middle + 2.5 * rng.normal(size=8) for code, middle in common.items()}
        for session in (1, 2):
            today = {code: middle + 0.3 * rng.normal(size=8) for code, middle in own.items()}
            sets[subject, session] = windows(rng, today)
    found = difficulty(sets)
    assert found.gestures == (6, 7, 8)
    assert found.within_session.mean > 0.98
    assert found.other_session.mean > 0.9
    assert found.other_people.mean < 0.8
    for score, per_person in ((found.within_session, 90), (found.other_session, 90), (found.other_people, 45)):
        assert score.subjects == (1, 2, 3, 4)
        assert score.confusion.sum(axis=1).tolist() == [4 * per_person / 3] * 3
        assert score.mean == pytest.approx(np.trace(score.confusion) / score.confusion.sum())
        assert score.skipped == 0
    assert found.other_people_both.confusion.sum() == 360


def test_difficulty_is_that_of_a_direct_scikit_learn_run():
    rng = np.random.default_rng(6)
    sets = {}
    for subject in (1, 2, 3):
        centres = {code: np.full(6, float(code)) + 1.5 * rng.normal(size=6) for code in (6, 7, 8)}
        for session in (1, 2):
            sets[subject, session] = windows(rng, centres, spread=0.8)
    found = difficulty(sets)

    def accuracy(train, test):
        lda = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
        lda.fit(np.concatenate([one.x for one in train]), np.concatenate([one.y for one in train]))
        return lda.score(test.x, test.y)

    people = [accuracy([sets[other, 1] for other in (1, 2, 3) if other != who], sets[who, 1]) for who in (1, 2, 3)]
    np.testing.assert_allclose(found.other_people.accuracy, people)
    days = [np.mean([accuracy([sets[who, a]], sets[who, 3 - a]) for a in (1, 2)]) for who in (1, 2, 3)]
    np.testing.assert_allclose(found.other_session.accuracy, days)


def test_windows_of_one_trial_are_never_on_both_sides():
    """Each trial is a point of its own and the labels mean nothing: only a leak could do better than chance."""
    rng = np.random.default_rng(7)
    centres = {code: np.zeros(40) for code in (6, 7, 8)}
    sets = {(who, 1): windows(rng, centres, 6, spread=0.01, trial_spread=1.0) for who in range(1, 9)}
    assert difficulty(sets).within_session.mean < 0.5


def test_what_is_missing_is_counted_and_not_fatal():
    rng = np.random.default_rng(8)
    centres = {code: 3 * rng.normal(size=8) for code in (6, 7, 8)}
    sets = {
        (1, 1): windows(rng, centres),
        (1, 2): windows(rng, centres, codes=(6, 7)),  # lacks a gesture
        (2, 1): windows(rng, centres, repetitions=1),  # one repetition: nothing to leave out
    }
    found = difficulty(sets)
    assert found.within_session.subjects == (1,)
    assert found.within_session.skipped == 15
    assert found.other_session.subjects == (1,)
    assert found.other_session.skipped == 15  # gesture 8 of session 1, unknown in session 2
    assert found.other_session.recall[2] != found.other_session.recall[2]  # NaN: it could not be tested
    assert found.other_people.subjects == (1, 2)
    alone = difficulty({(1, 1): sets[1, 1]})
    assert np.isnan(alone.other_people.mean)
    assert np.isnan(alone.other_session.mean)
    assert np.isnan(alone.within_session.sd)
