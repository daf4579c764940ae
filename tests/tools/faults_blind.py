"""Faults for `planted.py --blind 1`: written by one who had not read a single test.

They are the mistakes of careless contributors: what belongs to one thing said of another, a setting
put back to its default, a condition left out, a quantity that only a sentence shows. So they tell
what the tests really catch, where `faults_by_hand` tells what they were written to catch.
"""

# In which file, in which function, what is written there, what is planted in its place, which kind.
IN_HELPERS: list[tuple[str, str, str, str, str]] = [
    # --- common ---
    (
        "helpers/common/explore.py",
        "slider",
        'ValueError(f"start is {',
        'ValueError(f"settings is {',
        "another option's name in an error",
    ),
    (
        "helpers/common/explore.py",
        "redraw",
        "            if collecting:\n                gc.enable()",
        "            gc.enable()",
        "a setting put back to its default",
    ),
    (
        "helpers/common/judging.py",
        "agree",
        "-math.floor(math.log10(tolerance))",
        "-math.ceil(math.log10(tolerance))",
        "one off",
    ),
    (
        "helpers/common/judging.py",
        "_how_far",
        "off < max(4 * precision, 1e-5)",
        "off < max(400 * precision, 1e-3)",
        "a tolerance a hundred times wider",
    ),
    (
        "helpers/common/questions.py",
        "Questions.score",
        "made=len(self.predictions.keys() & tried)",
        "made=len(self.predictions.keys() & right)",
        "a quantity that only a sentence shows",
    ),
    (
        "helpers/common/require.py",
        "number",
        'f" above {above:g}" if',
        'f" of at least {above:g}" if',
        "a wrong cure in an error",
    ),
    (
        "helpers/common/require.py",
        "tensor",
        "if value.ndim != len(shape) or not fits:",
        "if not fits:",
        "a condition on shapes left out",
    ),
    (
        "helpers/common/running.py",
        "_guarded",
        "torch.set_default_dtype, torch.get_default_dtype())",
        "torch.set_default_dtype, torch.float32)",
        "a setting put back to its default",
    ),
    (
        "helpers/common/running.py",
        "_runs_to_its_end",
        "threading.stack_size(usual)",
        "threading.stack_size(0)",
        "a setting put back to its default",
    ),
    # --- ols_and_ridge ---
    (
        "helpers/ols_and_ridge/figures.py",
        "closed_form_cost",
        '        ("measured", seconds[middle], BLUE, (8, -14), "left"),\n'
        '        ("nd² + d³/3, scaled", scale',
        '        ("nd² + d³/3, scaled", seconds[middle], BLUE, (8, -14), "left"),\n'
        '        ("measured", scale',
        "legends exchanged",
    ),
    (
        "helpers/ols_and_ridge/figures.py",
        "closed_form_cost",
        "beside the count nd² + d³/3.",
        "beside the count n²d + d³/3.",
        "an alt text that contradicts its figure",
    ),
    (
        "helpers/ols_and_ridge/figures.py",
        "_draw_solvers",
        "VERMILION if name in _THROUGH_GRAM else BLUE",
        "BLUE if name in _THROUGH_GRAM else VERMILION",
        "colours swapped",
    ),
    (
        "helpers/ols_and_ridge/ridge_figures.py",
        "_draw_error_curves",
        'linestyle="-", label="training")\n    axes.plot(penalties, errors[1], '
        'color=VERMILION, linestyle="--", label="held out")',
        'linestyle="-", label="held out")\n    axes.plot(penalties, errors[1], '
        'color=VERMILION, linestyle="--", label="training")',
        "legends exchanged",
    ),
    (
        "helpers/ols_and_ridge/ridge_figures.py",
        "weight_paths",
        'ylabel="weight in m per standard deviation"',
        'ylabel="weight in cm per standard deviation"',
        "a wrong unit",
    ),
    (
        "helpers/ols_and_ridge/least_squares.py",
        "two_units_problem",
        "centimetres / 2.54",
        "centimetres / 2.45",
        "a quantity computed wrongly",
    ),
    (
        "helpers/ols_and_ridge/trials.py",
        "_twofold_problem",
        "condition, seed=seed)",
        "condition, seed=0)",
        "a seed ignored",
    ),
    (
        "helpers/ols_and_ridge/trials.py",
        "leave_one_out_by_refitting",
        'require.number("penalty", penalty, least=0)',
        'require.number("penalty", penalty, above=0)',
        "a bound exclusive in place of inclusive",
    ),
    (
        "helpers/ols_and_ridge/answers.py",
        "the_largest, the_smallest",
        '@condition.hint("That is the norm, the largest alone.")\ndef the_largest(X):\n'
        "    return torch.linalg.svdvals(X)[0]\n\n\n"
        '@condition.hint("That is the smallest alone.")',
        '@condition.hint("That is the smallest alone.")\ndef the_largest(X):\n'
        "    return torch.linalg.svdvals(X)[0]\n\n\n"
        '@condition.hint("That is the norm, the largest alone.")',
        "a hint attached to another mistake",
    ),
    (
        "helpers/ols_and_ridge/answers.py",
        "metres for centimetres",
        '"none": "True for least squares; but ridge counts ‖w‖², and w depends on the unit.",\n'
        '    "both": ',
        '"both": "True for least squares; but ridge counts ‖w‖², and w depends on the unit.",\n'
        '    "none": ',
        "a hint attached to another guess",
    ),
    # --- gradient_descent ---
    (
        "helpers/gradient_descent/theory.py",
        "regime",
        "if lr > 2 / high:",
        "if lr >= 2 / high:",
        "a bound inclusive in place of exclusive",
    ),
    (
        "helpers/gradient_descent/descent.py",
        "steps_until",
        "return step if step < len(distances) else None",
        "return step if step <= len(distances) else None",
        "one off",
    ),
    (
        "helpers/gradient_descent/descent.py",
        "run",
        'require.truth("nesterov", nesterov)',
        'require.truth("momentum", nesterov)',
        "another option's name in an error",
    ),
    (
        "helpers/gradient_descent/landscapes.py",
        "bowl",
        "if tilt and len(eigenvalues) != 2:",
        "if tilt and len(eigenvalues) > 2:",
        "a condition on shapes left out",
    ),
    (
        "helpers/gradient_descent/film.py",
        "race",
        'data-seconds="{steps * _WITH_REST:.4g}"',
        'data-seconds="{steps * _SECONDS:.4g}"',
        "a quantity that nothing else uses",
    ),
    (
        "helpers/gradient_descent/figures.py",
        "change_by_angle",
        "angle θ from the gradient (degrees)",
        "angle θ from the gradient (radians)",
        "a wrong unit",
    ),
    (
        "helpers/gradient_descent/figures_of_steps.py",
        "rate_against_step",
        'axes.plot(line, flat, color=GREEN, linestyle="--", label="flat direction: |1 − lr μ|")\n'
        '    axes.plot(line, steep, color=PINK, linestyle=":",',
        'axes.plot(line, steep, color=GREEN, linestyle="--", label="flat direction: |1 − lr μ|")\n'
        '    axes.plot(line, flat, color=PINK, linestyle=":",',
        "legends exchanged",
    ),
    (
        "helpers/gradient_descent/figures_of_steps.py",
        "early_stopping",
        'dict(zip(weights, ("-", "--"), strict=True))',
        'dict(zip(weights, ("--", "-"), strict=True))',
        "legends exchanged",
    ),
    (
        "helpers/gradient_descent/answers.py",
        "steep_alone, flat_alone",
        "def steep_alone(lr, mu, L):\n    return abs(1 - lr * L)\n\n\n"
        '@factor.hint("That is the flat direction. The steep one may be slower: take abs first, '
        'then max.")\ndef flat_alone(lr, mu, L):\n    return abs(1 - lr * mu)',
        "def flat_alone(lr, mu, L):\n    return abs(1 - lr * mu)\n\n\n"
        '@factor.hint("That is the flat direction. The steep one may be slower: take abs first, '
        'then max.")\ndef steep_alone(lr, mu, L):\n    return abs(1 - lr * L)',
        "a hint attached to another mistake",
    ),
    (
        "helpers/gradient_descent/answers.py",
        "largest step size",
        '1.0: "Right for the flat direction, with curvature 1. The steep one objects.",\n    2.0: ',
        '2.0: "Right for the flat direction, with curvature 1. The steep one objects.",\n    1.0: ',
        "a hint attached to another guess",
    ),
    # --- fashion_mnist_pipeline ---
    (
        "helpers/fashion_mnist_pipeline/training.py",
        "_evaluate",
        "module.training = mode",
        "module.training = True",
        "a setting put back to its default",
    ),
    (
        "helpers/fashion_mnist_pipeline/training.py",
        "fit",
        '_tell(schedule, loss if schedule.mode == "min" else accuracy)',
        "_tell(schedule, loss)",
        "a condition left out",
    ),
    (
        "helpers/fashion_mnist_pipeline/training.py",
        "_loss",
        "give class numbers from 0 to {classes - 1}",
        "give class numbers from 1 to {classes}",
        "a wrong cure in an error",
    ),
    (
        "helpers/fashion_mnist_pipeline/fashion.py",
        "_try_download",
        "socket.setdefaulttimeout(no_limit)",
        "socket.setdefaulttimeout(None)",
        "a setting put back to its default",
    ),
    (
        "helpers/fashion_mnist_pipeline/fashion.py",
        "Source.__str__",
        '"root": say("Garments: the real FashionMNIST, from the folder that was named")',
        '"root": say("Garments: the real FashionMNIST, from the project\'s data folder")',
        "a sentence for something else",
    ),
    (
        "helpers/fashion_mnist_pipeline/fashion.py",
        "Batches.__init__",
        'require.whole("batch_size", batch_size)',
        'require.whole("batches", batch_size)',
        "another option's name in an error",
    ),
    (
        "helpers/fashion_mnist_pipeline/standin.py",
        "draw_parts",
        "draw(labels, seed=2 * seed + part)",
        "draw(labels, seed=part)",
        "a seed ignored",
    ),
    (
        "helpers/fashion_mnist_pipeline/figures.py",
        "convex_or_not",
        'losses.numpy(), label="loss")\n        axes.plot(positions[[0, -1]].numpy(), '
        'losses[[0, -1]].numpy(), marker="o", label="chord")',
        'losses.numpy(), label="chord")\n        axes.plot(positions[[0, -1]].numpy(), '
        'losses[[0, -1]].numpy(), marker="o", label="loss")',
        "legends exchanged",
    ),
    (
        "helpers/fashion_mnist_pipeline/figures_of_time.py",
        "cost_growth",
        "bytes_, floats = zip(",
        "floats, bytes_ = zip(",
        "legends exchanged",
    ),
    (
        "helpers/fashion_mnist_pipeline/figures_of_time.py",
        "ladder",
        'f"{value:.2f} s, ×',
        'f"{value:.2f} ms, ×',
        "a wrong unit",
    ),
    (
        "helpers/fashion_mnist_pipeline/answers.py",
        "number of weights",
        '100_352: "That is the first layer; the second has weights too.",\n    101_770: ',
        '101_770: "That is the first layer; the second has weights too.",\n    100_352: ',
        "a hint attached to another guess",
    ),
    # --- computation_graph ---
    (
        "helpers/computation_graph/figures.py",
        "slope_errors",
        "step h (smaller to the right)",
        "step h (smaller to the left)",
        "a label that contradicts its axis",
    ),
    (
        "helpers/computation_graph/graph.py",
        "_check_options",
        '"title": title, "legend": legend',
        '"title": legend, "legend": title',
        "another option's name in an error",
    ),
    (
        "helpers/computation_graph/backtrack.py",
        "_NOT_WALKED",
        'output.is_nested, "pass a sum of its parts"',
        'output.is_nested, "compute it on another, with numbers"',
        "a wrong cure in an error",
    ),
    (
        "helpers/computation_graph/undisturbed.py",
        "_grad",
        'setattr, tensor, "grad", before)',
        'setattr, tensor, "grad", None)',
        "a setting put back to its default",
    ),
    (
        "helpers/computation_graph/local.py",
        "_explains",
        "off > 0.02 * came",
        "off > 2 * came",
        "a tolerance a hundred times wider",
    ),
    (
        "helpers/computation_graph/answers.py",
        "weights for a vector",
        '9: "That is the plain sum of the column, as with c = (1, 1, 1). Weight each entry '
        'first.",\n    21: ',
        '21: "That is the plain sum of the column, as with c = (1, 1, 1). Weight each entry '
        'first.",\n    9: ',
        "a hint attached to another guess",
    ),
    # --- beyond_one_process, and the command ---
    (
        "helpers/beyond_one_process/checkpoint.py",
        "_digest_of",
        'f"[{len(value)}"',
        '"["',
        "a digest that is blind to something",
    ),
    (
        "helpers/beyond_one_process/checkpoint.py",
        "_check_weights",
        "found.dtype != weight.dtype or (tuple(found.shape) != shape and not takes())",
        "found.dtype != weight.dtype",
        "a condition on shapes left out",
    ),
    (
        "helpers/beyond_one_process/checkpoint.py",
        "save",
        "os.close(descriptor)",
        "descriptor = -1",
        "a file not closed",
    ),
    (
        "helpers/beyond_one_process/training_run.py",
        "_Run.restore",
        'self.order = found["rng"]["order"]\n        self.generator.set_state(self.order)',
        'self.generator.set_state(found["rng"]["order"])',
        "a checkpoint's field not restored",
    ),
    (
        "helpers/beyond_one_process/training_run.py",
        "_signals_wait_for_the_step",
        "afterwards.callback(signal.signal, number, before)",
        "afterwards.callback(signal.signal, number, signal.SIG_DFL)",
        "a setting put back to its default",
    ),
    (
        "helpers/beyond_one_process/training_run.py",
        "_Run.end_epoch",
        "validation {seen.accuracy:.2%}",
        "validation {accuracy:.2%}",
        "a quantity that only a sentence shows",
    ),
    (
        "helpers/beyond_one_process/settings.py",
        "_BELOW_ONE",
        "0 <= value < 1,",
        "0 < value < 1,",
        "a bound exclusive in place of inclusive",
    ),
    (
        "helpers/beyond_one_process/figures.py",
        "_times_of_a_step",
        'xlabel="milliseconds a step (log)"',
        'xlabel="seconds a step (log)"',
        "a wrong unit",
    ),
    (
        "helpers/beyond_one_process/copies.py",
        "_take_part",
        "    np.random.seed()\n",
        "",
        "a generator that is not used",
    ),
    # --- debugging_clinic ---
    (
        "helpers/debugging_clinic/figures.py",
        "accuracy_reported",
        'labels = ("of this epoch", "of all epochs so far")',
        'labels = ("of all epochs so far", "of this epoch")',
        "legends exchanged",
    ),
    (
        "helpers/debugging_clinic/cases.py",
        "admit",
        "held_out = torch.randperm(len(garments.test_labels), generator=chance)",
        "held_out = torch.randperm(len(garments.test_labels))",
        "a generator that is not used",
    ),
    (
        "helpers/debugging_clinic/charts.py",
        "Chart.accuracy",
        "slice(max(0, n - 20), n)",
        "slice(max(0, n - 19), n)",
        "one off",
    ),
    (
        "helpers/debugging_clinic/answers.py",
        "patient A",
        '"no step": "One of its two matrices does move, so a step is taken.",\n    '
        '"cleared early": ',
        '"cleared early": "One of its two matrices does move, so a step is taken.",\n'
        '    "no step": ',
        "a hint attached to another guess",
    ),
    # --- First aid ---
    (
        "helpers/__main__.py",
        "_pytorch",
        '_unset("MPLBACKEND") if about_backend else mend',
        'mend if about_backend else _unset("MPLBACKEND")',
        "a first-aid command for another trouble",
    ),
]
