"""`python -m aed_lightning VERB …`: find the verb, run it, turn errors into exit codes.

Nothing heavy is imported before the verb is known, so that help answers at once.
"""

import os
import select
import signal
import sys
from collections.abc import Sequence
from importlib import import_module

STANDARD_OUTPUT = 1
VERBS = {
    "fit": "train teacher and student, then evaluate",
    "validate": "score held-out training videos with pasted anomalies",
    "test": "evaluate trained weights on the test videos",
    "predict": "write scores of the test videos, labeled or not",
    "score": "any video, with trained weights: scores, events, pictures",
    "export": "trained weights as ONNX, OpenVINO or a program of torch.export",
    "sweep": "train once for each combination of values, without a server",
    "evaluate": "figures of frame scores that any program wrote",
    "report": "a run as one HTML page, or runs side by side",
    "benchmark": "how fast this machine scores and trains",
    "prepare": "decode the videos of a data set once, into arrays at model size",
    "toy": "write the generated benchmark",
    "demo": "generate the benchmark, train on it, evaluate, show the result",
    "doctor": "check this installation",
}


def usage() -> str:
    """What `--help` prints."""
    verbs = "\n".join(f"  {verb:<9} {phrase}" for verb, phrase in VERBS.items())
    return (
        "usage: python -m aed_lightning VERB [options]\n\n"
        "Self-distilled masked auto-encoders for video anomaly detection.\n\n"
        f"verbs:\n{verbs}\n\n"
        "first steps:\n"
        "  python -m aed_lightning demo\n"
        "  python -m aed_lightning fit --config configs/ped2.yaml --data.root data/ped2\n\n"
        "`python -m aed_lightning VERB --help` explains a verb."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code: 0, 1 for data, 2 for usage, 130 when interrupted, 141 when
    nobody reads on."""
    from aed_lightning.core import DataError, Interrupted, UsageError

    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return 0 if arguments else 2
    verb, rest = arguments[0], arguments[1:]
    if verb not in VERBS:
        print(f"error: no verb {verb!r}; one of {', '.join(VERBS)}", file=sys.stderr)
        return 2
    try:
        code: int = import_module(f"aed_lightning.cli.{verb}").run(rest)
    except (DataError, UsageError) as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            return _silenced()
        print(f"error: {error.filename or verb}: {error.strerror or error}; free it or give another", file=sys.stderr)
        return 1
    except Interrupted as stop:
        print(stop, file=sys.stderr)
        return stop.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except SystemExit as end:
        if isinstance(end.__context__, KeyboardInterrupt):  # Lightning makes exit code 1 of Ctrl-C
            print("interrupted", file=sys.stderr)
            return 130
        if isinstance(end.__context__, BrokenPipeError):  # and rich that of a reader who went away
            return _silenced()
        raise
    return code


def program() -> int:
    """`main` in a process of its own, whose memory and output are ours to arrange."""
    from aed_lightning.core.memory import keep_freed_memory

    keep_freed_memory()
    try:
        try:
            return main()
        finally:
            print(end="", flush=True)  # while a full disk, or a reader who went away, can still be told
    except BrokenPipeError:
        return _silenced()
    except OSError as error:
        print(f"error: standard output: {error.strerror}; what was printed is not whole", file=sys.stderr)
        _silenced()
        return 1


def _nobody_reads() -> bool:
    """Whether standard output, and not some other pipe, has lost its reader, as in `| head`."""
    polled = select.poll()
    polled.register(STANDARD_OUTPUT, 0)
    return any(event & select.POLLERR for _, event in polled.poll(0))


def _silenced() -> int:
    """What is still to be printed goes nowhere, or the interpreter would complain as it ends; the exit code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), STANDARD_OUTPUT)
    return 128 + signal.SIGPIPE


if __name__ == "__main__":
    sys.exit(program())
