"""The virtual people: drawn once, the same for ever, and different from each other in documented ranges."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from rt_handdt.core.gestures import HYSER_GESTURES, REST
from rt_handdt.errors import ConfigError
from rt_handdt.sim.anatomy import MUSCLE_INDEX, MUSCLES
from rt_handdt.sim.donning import draw_donning
from rt_handdt.sim.motor_units import FULL_RECRUITMENT, draw_units
from rt_handdt.sim.person import draw_person
from rt_handdt.sim.script import Cue, Script, random_script, read_script
from rt_handdt.sim.strategy import PRIMITIVES, parts

PEOPLE = [draw_person(0, subject) for subject in range(1, 41)]


def test_same_seed_gives_same_person_and_others_differ():
    one, again, other, cohort = draw_person(3, 1), draw_person(3, 1), draw_person(3, 2), draw_person(4, 1)
    assert one.muscles == again.muscles
    np.testing.assert_array_equal(one.strategy, again.strategy)
    assert len({one.circumference_mm, other.circumference_mm, cohort.circumference_mm}) == 3
    assert (one.name, cohort.name) == ("virtual-3-1", "virtual-4-1")


def test_people_stay_within_anatomy():
    assert all(200 <= person.circumference_mm <= 320 for person in PEOPLE)
    assert all(1 <= person.fat_mm <= 9 for person in PEOPLE)
    for person in PEOPLE:
        for muscle in person.muscles:
            assert person.fat_mm < muscle.depth_mm[0] < muscle.depth_mm[1] < person.radius_mm
            assert muscle.angle[0] < muscle.angle[1]
    spread = np.std([person.circumference_mm for person in PEOPLE])
    assert 12 < spread < 35


def test_people_differ_most_in_grip_and_turning():
    every = np.log(np.stack([person.strategy for person in PEOPLE]))

    def spread(gesture: str) -> float:
        main = [MUSCLE_INDEX[name] for name, value in PRIMITIVES[gesture].items() if value >= 0.4]
        return float(every[:, HYSER_GESTURES.index(gesture)][:, main].std(axis=0).mean())

    free = np.mean([spread(g) for g in ("hand_close", "wrist_pronation", "wrist_supination")])
    bound = np.mean([spread(g) for g in ("wrist_flexion", "wrist_extension", "wrist_ulnar")])
    assert free > 1.1 * bound


def test_every_gesture_is_made_of_known_parts():
    for gesture in HYSER_GESTURES:
        assert set(parts(gesture)) <= set(PRIMITIVES)
    assert parts("wrist_radial_hand_open") == ("wrist_radial", "hand_open")
    assert parts("thumb_index_middle_pinch") == ("thumb_index_pinch", "thumb_middle_pinch")
    assert parts("middle_ring_little_extension") == ("middle_extension", "ring_extension", "little_extension")


def test_a_mixture_uses_the_muscles_of_its_parts():
    for person in PEOPLE[:5]:
        rows = {name: person.strategy[HYSER_GESTURES.index(name)] for name in HYSER_GESTURES}
        mixed = rows["wrist_flexion_hand_close"]
        assert np.corrcoef(mixed, rows["wrist_flexion"] + rows["hand_close"])[0, 1] > 0.9


def test_sessions_differ_within_the_documented_ranges():
    days = [draw_donning(person, session) for person in PEOPLE for session in (1, 2)]
    assert all(abs(day.shift_mm) <= 10 and abs(day.rotation) <= 10 / 360 for day in days)
    assert all(3 <= day.noise_uv <= 6 for day in days)
    assert len({day.shift_mm for day in days}) > 70
    assert draw_donning(PEOPLE[0], 2) == draw_donning(draw_person(0, 1), 2)


def test_pools_follow_the_size_principle():
    units = draw_units(PEOPLE[0])
    of = units.muscle == MUSCLE_INDEX["FCU"]
    assert np.all(np.diff(units.threshold[of]) > 0)
    assert units.threshold[of].max() < FULL_RECRUITMENT
    # potentials grow with the threshold, but not without exception
    assert np.corrcoef(units.threshold[of], np.log(units.strength[of]))[0, 1] > 0.7
    active = []
    for level in (0.0, 0.05, 0.2, 0.5, 1.0):
        activation = np.zeros(len(MUSCLES))
        activation[MUSCLE_INDEX["FCU"]] = level
        rates = units.rates_hz(activation)
        assert np.all(rates[~of] == 0)
        assert np.all((rates == 0) | ((rates >= 5) & (rates <= 40)))
        active.append(int(np.count_nonzero(rates)))
    assert active[0] == 0
    assert active == sorted(set(active))
    assert active[-1] == np.count_nonzero(of)


@pytest.mark.parametrize(("seed", "subject"), [(-1, 1), (0, 0)])
def test_impossible_people_are_refused(seed, subject):
    with pytest.raises(ConfigError, match=r"seed|numbered"):
        draw_person(seed, subject)
    with pytest.raises(ConfigError, match="Sessions"):
        draw_donning(PEOPLE[0], 0)


@pytest.mark.parametrize(
    ("forearm", "says"),
    [
        ({"circumference_mm": 80.0}, "circumference must lie between 140 and 450 mm; got 80 mm"),
        ({"fat_mm": -1.0}, "layer of fat must lie between"),
        ({"fat_mm": float("nan")}, "layer of fat"),
        ({"circumference_mm": 150.0, "fat_mm": 15.0}, "at least 14 mm must be muscle and bone"),
    ],
)
def test_impossible_forearms_are_refused(forearm, says):
    with pytest.raises(ConfigError, match=says):
        draw_person(0, 1, **forearm)


def test_a_muscle_where_there_can_be_none_is_refused():
    one = PEOPLE[0]
    above = tuple(muscle._replace(depth_mm=(0.5, 5.0)) for muscle in one.muscles)
    with pytest.raises(ConfigError, match=r"PT would lie 0\.5 to 5\.0 mm deep, but must lie below the fat"):
        dataclasses.replace(one, muscles=above)


def test_everybody_can_be_drawn_and_some_lack_palmaris_longus():
    everybody = [draw_person(seed, subject) for seed in range(3) for subject in range(1, 101)]
    lacking = [[muscle.name for muscle in person.muscles if muscle.motor_units == 0] for person in everybody]
    assert {name for names in lacking for name in names} == {"PL"}
    assert 0.07 < np.mean([bool(names) for names in lacking]) < 0.21
    without = everybody[next(number for number, names in enumerate(lacking) if names)]
    assert MUSCLE_INDEX["PL"] not in draw_units(without).muscle


def test_another_forearm_is_the_same_person_otherwise():
    one, wider = draw_person(0, 1), draw_person(0, 1, circumference_mm=300.0, fat_mm=6.0)
    assert (wider.circumference_mm, wider.fat_mm) == (300.0, 6.0)
    np.testing.assert_array_equal(one.strategy, wider.strategy)
    assert all(muscle.depth_mm[0] >= 6.0 for muscle in wider.muscles)


def test_random_script_rests_between_all_gestures():
    gestures = HYSER_GESTURES[5:9]
    script = random_script(np.random.default_rng(1), gestures, gesture_s=1.5, rest_s=0.5, repetitions=3)
    labels = [cue.label for cue in script.cues]
    assert labels[::2] == [REST] * 13
    for repetition in range(3):
        assert sorted(labels[1::2][4 * repetition : 4 * repetition + 4]) == sorted(gestures)
    assert labels[1:9] != labels[9:17]  # another order
    assert script.seconds == pytest.approx(13 * 0.5 + 12 * 1.5)
    assert script.starts(1000.0)[:3] == (0, 500, 2000)
    assert [marker.label for marker in script.markers(1000.0)] == labels


def test_cut_script():
    script = Script((Cue(REST, 1.0), Cue("hand_open", 2.0), Cue(REST, 1.0)))
    assert [(cue.label, cue.seconds) for cue in script.cut(1.5).cues] == [(REST, 1.0), ("hand_open", 0.5)]
    assert script.cut(1.0).seconds == 1.0


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Cue("hand_opne", 1.0), "did you mean 'hand_open'"),
        (lambda: Cue("hand_open", 0.0), "more than 0 s"),
        (lambda: Cue("hand_open", 1.0, 3.0), "between 0 and 2"),
        (lambda: Script(()), "at least one cue"),
        (lambda: random_script(np.random.default_rng(0), []), "at least one gesture"),
        (lambda: random_script(np.random.default_rng(0), ["hand_open"], repetitions=0), "at least one repetition"),
    ],
)
def test_senseless_scripts_are_refused(make, says):
    with pytest.raises(ConfigError, match=says):
        make()


# -- scripts in files --------------------------------------------------------------------------------------------------


def test_a_script_in_a_file_may_mix_gestures(tmp_path):
    file = tmp_path / "script.toml"
    file.write_text(
        '[[cue]]\nlabel = "rest"\nseconds = 2\n'
        '[[cue]]\nlabel = "a bit of both"\nseconds = 3.5\nlevel = 0.8\n'
        "mixture = { wrist_flexion = 0.5, hand_open = 0.7 }\n"
        '[[cue]]\nlabel = "hand_close"\nseconds = 1.0\nmixture = { thumb_extension = 1 }\n'
    )
    assert read_script(file).cues == (
        Cue(REST, 2.0),
        Cue("a bit of both", 3.5, 0.8, (("wrist_flexion", 0.5), ("hand_open", 0.7))),
        Cue("hand_close", 1.0, 1.0, (("thumb_extension", 1.0),)),
    )


GOOD_CUE = '[[cue]]\nlabel = "hand_open"\nseconds = 1.0\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('label = "hand_opne"\nseconds = 1', "hand_opne'; did you mean 'hand_open'"),
        ('lable = "hand_open"\nseconds = 1', "unknown key 'lable'; did you mean 'label'"),
        ('label = "hand_open"', "the key 'seconds' is missing"),
        ('label = "hand_open"\nseconds = "long"', "'seconds'.*got 'long'"),
        ('label = "hand_open"\nseconds = inf', "'seconds'.*got inf"),
        ('label = "hand_open"\nseconds = 0', "more than 0 s"),
        ('label = "hand_open"\nseconds = 1\nlevel = 2.5', "between 0 and 2"),
        ('label = "x"\nseconds = 1', "cannot do 'x'"),
        (
            'label = "x"\nseconds = 1\nmixture = { wrist_flexon = 1 }',
            "'wrist_flexon' is none; did you mean 'wrist",
        ),
        ('label = "x"\nseconds = 1\nmixture = { rest = 1 }', "'rest' is none"),
        ('label = "x"\nseconds = 1\nmixture = { hand_open = 1.5 }', "up to 1; 'hand_open' has 1.5"),
        ('label = "x"\nseconds = 1\nmixture = { hand_open = 0 }', "above 0"),
        ('label = "x"\nseconds = 1\nmixture = {}', "mixture is empty"),
        ('label = "x"\nseconds = 1\nmixture = "hand_open"', "'mixture'.*got 'hand_open'"),
        ('label = "rest"\nseconds = 1\nmixture = { hand_open = 1 }', "a name other than 'rest'"),
    ],
)
def test_faults_in_a_script_are_named_with_file_and_cue(tmp_path, text, says):
    file = tmp_path / "script.toml"
    file.write_text(f"{GOOD_CUE}[[cue]]\n{text}\n")
    with pytest.raises(ConfigError, match=rf"script\.toml: cue 2: .*{says}"):
        read_script(file)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the key 'cue' is missing"),
        ("cue = []", "at least one"),
        ("cue = 3", "'cue'.*got 3"),
        ("[[cues]]", "unknown key 'cues'; did you mean 'cue'"),
        ("[[cue]", "not valid TOML"),
    ],
)
def test_files_that_are_no_script_are_refused(tmp_path, text, says):
    file = tmp_path / "script.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=rf"script\.toml: .*{says}"):
        read_script(file)
