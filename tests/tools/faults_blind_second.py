"""Faults for `planted.py --blind 2`: a second batch, as blind as the one in `faults_blind`.

The tests have been mended since to catch that one. These tell whether its kinds were mended, or its
single faults.
"""

# In which file, in which function, what is written there, what is planted in its place, which kind.
IN_HELPERS: list[tuple[str, str, str, str, str]] = [
    # --- common ---
    (
        "helpers/common/page.py",
        "image",
        'alt="{html.escape(alt)}"',
        'alt="{alt}"',
        "a text that is not escaped",
    ),
    (
        "helpers/common/running.py",
        "_guarded",
        "        afterwards.callback(random.setstate, random.getstate())\n",
        "",
        "a forgotten restore",
    ),
    (
        "helpers/common/running.py",
        "kept",
        "return result.detach().clone()",
        "return result.detach()",
        "a copy left out",
    ),
    (
        "helpers/common/judging.py",
        "_what_is_wrong",
        'right=wrong.count("")',
        'right=len(wrong) - wrong.count("")',
        "a quantity that only a sentence shows",
    ),
    (
        "helpers/common/explore.py",
        "twin",
        'require.items("settings", settings, fewest=3)',
        'require.items("settings", settings, fewest=2)',
        "one off",
    ),
    (
        "helpers/common/require.py",
        "series",
        'number(f"{name}[{place}]", value, least=least, above=above)',
        'number(f"{name}[{place}]", value, least=least)',
        "an option not handed on",
    ),
    # --- First aid, and the command ---
    (
        "helpers/__main__.py",
        "_gigabytes",
        "min(free, max(limit - used, 0.0))",
        "min(free, limit)",
        "a quantity that only a sentence shows",
    ),
    (
        "helpers/run.py",
        "_parse",
        "allow_abbrev=False,",
        "allow_abbrev=True,",
        "a setting left at its default",
    ),
    # --- ols_and_ridge ---
    (
        "helpers/ols_and_ridge/figures.py",
        "errors_of_solvers",
        "mostly_above(predictions_off, 0.1)",
        "mostly_above(weights_off, 0.1)",
        "an alt text that contradicts its figure",
    ),
    (
        "helpers/ols_and_ridge/ridge_figures.py",
        "hills_and_spots",
        "to_fit=to_fit,\n            held_out=len(spots) - to_fit,",
        "to_fit=len(spots) - to_fit,\n            held_out=to_fit,",
        "an alt text that contradicts its figure",
    ),
    (
        "helpers/ols_and_ridge/least_squares.py",
        "spot_heights",
        "if count > land.height.numel():",
        "if count >= land.height.numel():",
        "a bound exclusive in place of inclusive",
    ),
    (
        "helpers/ols_and_ridge/trials.py",
        "seconds_to_solve",
        "min(timeit.repeat(",
        "max(timeit.repeat(",
        "a wrong reduction",
    ),
    (
        "helpers/ols_and_ridge/answers.py",
        "digits that solve leaves",
        '    8: "That is what qr keeps, with targets in reach; solve sees κ² = 1e16.",\n    2: ',
        '    2: "That is what qr keeps, with targets in reach; solve sees κ² = 1e16.",\n    8: ',
        "a hint attached to another guess",
    ),
    (
        "helpers/ols_and_ridge/answers.py",
        "penalty_twice, penalty_doubled",
        "    return _smoother(y, 2, penalty) @ y\n\n\n"
        '@smooth.hint("Both terms of the gradient bring a 2: it cancels, and λ stays as it is.")\n'
        "def penalty_doubled(y, penalty):\n"
        "    return smooth(y, 2 * penalty)\n",
        "    return smooth(y, 2 * penalty)\n\n\n"
        '@smooth.hint("Both terms of the gradient bring a 2: it cancels, and λ stays as it is.")\n'
        "def penalty_doubled(y, penalty):\n"
        "    return _smoother(y, 2, penalty) @ y\n",
        "a hint attached to another mistake",
    ),
    # --- gradient_descent ---
    (
        "helpers/gradient_descent/descent.py",
        "Path.verdict",
        "worst = (last - first).argmax()",
        "worst = (last - first).argmin()",
        "a wrong reduction that only a sentence shows",
    ),
    (
        "helpers/gradient_descent/descent.py",
        "record",
        "        point = point.detach()  # Else each step would keep the graph of all before it.\n",
        "",
        "a detach left out",
    ),
    (
        "helpers/gradient_descent/theory.py",
        "divergence_boundary",
        "while high - low > 1e-4 * high:",
        "while high - low > 1e-2 * high:",
        "a tolerance a hundred times wider",
    ),
    (
        "helpers/gradient_descent/figures.py",
        "basins",
        'looks = ((SKY, None), (ORANGE, "//"),',
        'looks = ((ORANGE, "//"), (SKY, None),',
        "colours exchanged",
    ),
    (
        "helpers/gradient_descent/figures_of_steps.py",
        "descent_report",
        "factor {measured:.3f} a step, {predicted:.3f} predicted.",
        "factor {predicted:.3f} a step, {measured:.3f} predicted.",
        "an alt text that contradicts its figure",
    ),
    (
        "helpers/gradient_descent/figures_of_steps.py",
        "chosen_steps",
        'title=f"{longer:.0%} of the steps exceed 2/L"',
        'title=f"{1 - longer:.0%} of the steps exceed 2/L"',
        "a title that contradicts its figure",
    ),
    (
        "helpers/gradient_descent/film.py",
        "_rings",
        "rotate({-turn:.2f})",
        "rotate({turn:.2f})",
        "a sign",
    ),
    (
        "helpers/gradient_descent/answers.py",
        "narrower, with momentum",
        '    4: "That is plain descent. Take the square root.",\n    1: ',
        '    1: "That is plain descent. Take the square root.",\n    4: ',
        "a hint attached to another guess",
    ),
    # --- fashion_mnist_pipeline ---
    (
        "helpers/fashion_mnist_pipeline/fashion.py",
        "repeated",
        "torch.randperm(times * len(labels)) % len(labels)",
        "torch.randint(len(labels), (times * len(labels),))",
        "chance where each comes the same number of times",
    ),
    (
        "helpers/fashion_mnist_pipeline/fashion.py",
        "_damaged",
        "if not _amiss(aside, expected):",
        "if False:",
        "a condition left out",
    ),
    (
        "helpers/fashion_mnist_pipeline/training.py",
        "fit",
        '_check_walk("validation", validation, times=epochs)',
        '_check_walk("validation", validation)',
        "an option not handed on",
    ),
    (
        "helpers/fashion_mnist_pipeline/training.py",
        "_Walk.see",
        "self._loss += loss * images",
        "self._loss += loss * len(labels)",
        "a mean over what does not count",
    ),
    (
        "helpers/fashion_mnist_pipeline/training.py",
        "seconds",
        "statistics.median(taken[-rounds:])",
        "statistics.median(taken[:rounds])",
        "the warm-up counted in",
    ),
    (
        "helpers/fashion_mnist_pipeline/figures.py",
        "class_probabilities",
        'say("No bar reaches one half.") if undecided else say("One bar is longer than one half.")',
        'say("One bar is longer than one half.") if undecided else say("No bar reaches one half.")',
        "an alt text that contradicts its figure",
    ),
    (
        "helpers/fashion_mnist_pipeline/figures.py",
        "first_layer_weights",
        'axes.imshow(picture.numpy(), cmap="RdBu",',
        'axes.imshow(picture.numpy(), cmap="RdBu_r",',
        "colours exchanged",
    ),
    (
        "helpers/fashion_mnist_pipeline/figures.py",
        "accuracy_by_class",
        "mean = float(matrix.diag().sum() / matrix.sum())",
        "mean = float(accuracy.mean())",
        "a mean of means",
    ),
    # --- computation_graph ---
    (
        "helpers/computation_graph/words.py",
        "listing",
        'say("{count} more", count=len(words) - most)',
        'say("{count} more", count=len(words))',
        "a quantity that only a sentence shows",
    ),
    (
        "helpers/computation_graph/words.py",
        "numbers",
        'f"{values + 0.0:.4g}" if',
        'f"{values:.4g}" if',
        "a condition left out",
    ),
    (
        "helpers/computation_graph/folding.py",
        "folded",
        "if len(segments) > _MOST_MODULE_BOXES else",
        "if len(segments) >= _MOST_MODULE_BOXES else",
        "a bound inclusive in place of exclusive",
    ),
    (
        "helpers/computation_graph/backtrack.py",
        "Walk.picture",
        'require.whole("step", step, most=len(self))',
        'require.whole("step", step, most=len(self) + 1)',
        "one off",
    ),
    (
        "helpers/computation_graph/backtrack.py",
        "_ONLY_HERE",
        '    "use_reentrant=True": "pass use_reentrant=False to the checkpoint",\n'
        '    "_will_engine_execute_node": "remove the hook of register_multi_grad_hook",\n',
        '    "use_reentrant=True": "remove the hook of register_multi_grad_hook",\n'
        '    "_will_engine_execute_node": "pass use_reentrant=False to the checkpoint",\n',
        "a wrong cure in an error",
    ),
    (
        "helpers/computation_graph/backtrack.py",
        "_copies",
        "tensor.detach().to(tensor.dtype, copy=True)",
        "tensor.detach()",
        "a copy left out",
    ),
    (
        "helpers/computation_graph/undisturbed.py",
        "_numbers",
        "afterwards.enter_context(torch.autograd._unsafe_preserve_version_counter(tensor))",
        "pass",
        "a forgotten restore",
    ),
    (
        "helpers/computation_graph/found.py",
        "_add_named",
        "learns = tensor.is_floating_point() or tensor.is_complex()",
        "learns = tensor.is_floating_point()",
        "a condition on dtypes left out",
    ),
    (
        "helpers/computation_graph/figures.py",
        "slope_errors",
        "turns = all(values[-1]",
        "turns = any(values[-1]",
        "a wrong reduction",
    ),
    (
        "helpers/computation_graph/answers.py",
        "a fork",
        '    16: "That is what comes along the arrow from b. Another part comes by way of a.",\n'
        "    48: ",
        '    48: "That is what comes along the arrow from b. Another part comes by way of a.",\n'
        "    16: ",
        "a hint attached to another guess",
    ),
    # --- beyond_one_process ---
    (
        "helpers/beyond_one_process/checkpoint.py",
        "load",
        'with stream, warnings.catch_warnings(action="ignore"):',
        'with warnings.catch_warnings(action="ignore"):',
        "a file not closed",
    ),
    (
        "helpers/beyond_one_process/launch.py",
        "Launched.__str__",
        "several = any(attempt for",
        "several = all(attempt for",
        "a wrong reduction",
    ),
    (
        "helpers/beyond_one_process/parallel.py",
        "furthest",
        "source = max(range(group.size)",
        "source = min(range(group.size)",
        "a wrong reduction",
    ),
    (
        "helpers/beyond_one_process/parallel.py",
        "train",
        "    network.train()  # Whoever evaluated it has left dropout switched off.\n",
        "",
        "a mode not set",
    ),
    (
        "helpers/beyond_one_process/training_run.py",
        "_Run.begin",
        "if (self.epoch, self.batch) > (asked, 0) else",
        "if (self.epoch, self.batch) >= (asked, 0) else",
        "a sentence for something else",
    ),
    (
        "helpers/beyond_one_process/training_run.py",
        "_Run._make_batches",
        "zlib.crc32(labels[chosen].numpy().data, zlib.crc32(images[chosen].numpy().data))",
        "zlib.crc32(images[chosen].numpy().data)",
        "a digest that is blind to something",
    ),
    (
        "helpers/beyond_one_process/figures.py",
        "speed_up",
        "alone, in_two, *_ = times",
        "in_two, alone, *_ = times",
        "arguments exchanged",
    ),
    (
        "helpers/beyond_one_process/figures.py",
        "unequal_parts",
        'axes.plot(sizes, plain, "o-", label="plain mean of the two gradients")\n'
        '    axes.plot(sizes, weighted, "s--", label="each part weighted by its images")\n',
        'axes.plot(sizes, plain, "o-", label="each part weighted by its images")\n'
        '    axes.plot(sizes, weighted, "s--", label="plain mean of the two gradients")\n',
        "legends exchanged",
    ),
    # --- debugging_clinic ---
    (
        "helpers/debugging_clinic/cases.py",
        "admit",
        "own = count - len(tested)  # As many",
        "own = count  # As many",
        "one set too large",
    ),
    (
        "helpers/debugging_clinic/charts.py",
        "accuracy",
        "network = copy.deepcopy(network).eval()",
        "network = network.eval()",
        "a copy left out",
    ),
    (
        "helpers/debugging_clinic/figures.py",
        "who_fails_what",
        "if (n in fails[t]) == wanted",
        "if (n in fails[t]) != wanted",
        "looks exchanged",
    ),
    (
        "helpers/debugging_clinic/faults.py",
        "CLEARED_EARLY",
        'clear before "\n    "backward or after step"',
        'clear after "\n    "backward or before step"',
        "a wrong cure",
    ),
    (
        "helpers/debugging_clinic/listing.py",
        "first_error",
        "len(frames) - 1 - mine[-1])",
        "len(frames) - mine[-1])",
        "one off",
    ),
    (
        "helpers/debugging_clinic/looks.py",
        "differ",
        "> 1e-3 * max(float(scores.abs().max()), 1e-3)",
        "> 1e-1 * max(float(scores.abs().max()), 1e-3)",
        "a tolerance a hundred times wider",
    ),
    (
        "helpers/debugging_clinic/looks_at_updates.py",
        "of_the_first_updates",
        '"lower": rate * calm}',
        '"lower": calm}',
        "a quantity that only a sentence shows",
    ),
    (
        "helpers/debugging_clinic/preflight.py",
        "_walk",
        "if labels.dtype != torch.int64:",
        "if False:",
        "a condition on dtypes left out",
    ),
    (
        "helpers/debugging_clinic/preflight.py",
        "_looked_at",
        "whole = counts.total() < _MOST_COMPARED",
        "whole = counts.total() <= _MOST_COMPARED",
        "a bound exclusive in place of inclusive",
    ),
    (
        "helpers/debugging_clinic/rehearsal.py",
        "first_updates",
        'rate = group["lr"] or led_to',
        'rate = group["lr"]',
        "a condition left out",
    ),
    (
        "helpers/debugging_clinic/hearing.py",
        "heard",
        "            sys.setprofile(None)\n",
        "            pass\n",
        "a forgotten restore",
    ),
    (
        "helpers/debugging_clinic/keeping.py",
        "_entries",
        "    if isinstance(thing, random.Random):\n"
        "        return partial(thing.setstate, thing.getstate())\n",
        "",
        "a forgotten restore",
    ),
]
