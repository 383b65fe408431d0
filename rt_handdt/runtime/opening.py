"""From what a user asks for to an engine that is ready to start."""

from __future__ import annotations

from collections.abc import Callable

from rt_handdt.core.types import Decision
from rt_handdt.errors import ConfigError
from rt_handdt.runtime.building import build_engine
from rt_handdt.runtime.connect import Connection, connect, connect_source
from rt_handdt.runtime.engine import Engine
from rt_handdt.runtime.live_run import LiveRun
from rt_handdt.runtime.reconnect import Reconnector
from rt_handdt.runtime.recorder import check_new
from rt_handdt.runtime.sink_process import SinkProcess
from rt_handdt.runtime.source_choice import SourceChoice


def open_engine(
    run: LiveRun, say: Callable[[str], None], on_decision: Callable[[Decision], None] | None = None
) -> Engine:
    """Load the model, calibrate it if asked to, find the stream, and connect the two. The engine is not started.

    Parameters
    ----------
    run
        What is asked for.
    say
        Called with what the calibration has to say, and with what is to be known of stream and sinks, sentence by
        sentence; of sinks also later, on other threads.
    on_decision
        See `Engine`.

    Raises
    ------
    HanddtError
        If the model, the recording, the stream or a sink is not as it should be; the message says which.
    """
    from rt_handdt.core.bundle import load_bundle
    from rt_handdt.core.dof import DofPair
    from rt_handdt.core.profile import Profile
    from rt_handdt.infer.classifier import StreamClassifier
    from rt_handdt.io import lsl
    from rt_handdt.io.plugged_source import plugged_source
    from rt_handdt.io.sinks import parse_sinks
    from rt_handdt.runtime.own_recording import own_recording

    if run.record is not None:
        check_new(run.record)
    parse_sinks(run.sinks)  # a mistake in them is said before anything takes time
    regression, dofs = run.mode == "regression", DofPair() if run.dofs is None else DofPair.parse(run.dofs)
    if run.dofs is not None and not regression:
        raise ConfigError("--dofs is for --mode regression; leave it out, or ask for that mode.")
    if regression and run.calibration is None and run.profile is None:
        raise ConfigError(
            "Velocities need cues of their own: give --calibration a recording of rest and of "
            f"{', '.join(dofs.gestures)}, or --profile what 'rt-handdt calibrate --mode regression' has made."
        )
    model = load_bundle(run.bundle)
    classifier = StreamClassifier(
        model,
        provider=run.provider,  # type: ignore[arg-type]
        learn=run.learn,
        bad=run.bad,
        post_processing=run.post_processing,
    )
    choice_of_provider = classifier.reader.recognizer.choice
    if choice_of_provider.card_ms is not None:  # there was something to choose
        say(choice_of_provider.sentence)
    choice = run.stream if isinstance(run.stream, SourceChoice) else SourceChoice(run.stream)
    if run.calibration is not None:  # before the stream is opened, lest samples pile up meanwhile
        own = own_recording(run.calibration, choice, model.spec)
        if regression:
            for sentence in classifier.calibrate_velocities(own, dofs).sentences():
                say(sentence)
        if not regression or len({one.label for one in own.segments()} & set(classifier.labels)) > 1:
            for sentence in classifier.calibrate(own, rising=regression).sentences():
                say(sentence)
    if run.profile is not None:
        profile = Profile.load(run.profile, model)
        classifier.use(profile)
        say(
            f"Profile of {len(profile.facts.labels)} labels, made {profile.facts.created}; if the electrodes were put "
            "on anew since then, calibrate again."
        )
        if regression and profile.regression is None:
            raise ConfigError(
                f"{run.profile}: holds no velocities; make one that does with 'rt-handdt calibrate --mode regression'."
            )
        if regression and profile.regression is not None:
            has = profile.regression.dofs.names
            if run.dofs is not None and has != dofs.names:
                raise ConfigError(
                    f"{run.profile}: its velocities are of {' and '.join(has)}, and --dofs asks for "
                    f"{' and '.join(dofs.names)}; leave --dofs out, or calibrate for those."
                )
            classifier.use_velocities(profile.regression)
    lsl.configure(network=run.network)

    def connected() -> tuple[Connection, Reconnector | None]:
        if run.source is not None:
            source = plugged_source(run.source)
            try:
                connection, reconnect = connect_source(model.spec, source, choice), None
            except BaseException:
                source.close()
                raise
        else:
            connection = connect(model.spec, choice, timeout_s=run.timeout_s)
            reconnect = Reconnector(model.spec, choice, connection, follow=run.follow)
        for note in connection.notes:
            say(note)
        return connection, reconnect

    return build_engine(
        classifier,
        connected,
        hub=(lambda about: SinkProcess(run.sinks, about, say, network=run.network)) if run.sinks else None,
        record=run.record,
        say=say,
        limits=run.limits,
        on_decision=on_decision,
        explain=run.explain,
        priority=True,
        outputs=run.outputs,
    )
