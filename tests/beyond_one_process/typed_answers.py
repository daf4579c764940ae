"""What people type into the blanks of notebook 06, by the name of the mistake that it must meet.

Typed as a reader would type it, independently of what stands in ``answers.py``.
"""

# The only wire of the ring stands in a cell of the notebook.
CELLS = {"an all-reduce of your own": ["the-only-wire"]}

TYPED = {
    "the gradient of the whole": {
        "plain_mean": "return sum(gradients) / len(gradients)",
        "sum_over_images": "return sum(g * n for g, n in zip(gradients, sizes))",
        "divided_by_parts": """
total = sum(g * n for g, n in zip(gradients, sizes))
return total / len(sizes)
""",
        "sizes_divide": """
total = sum(g / n for g, n in zip(gradients, sizes))
return total / sum(sizes)
""",
        "added_up": "return sum(gradients)",
    },
    "a rate with a warm-up": {
        "from_zero": "return base * processes * min(1, step / warm_up)",
        "rises_for_ever": "return base + (processes - 1) * base * step / warm_up",
        "at_once": "return processes * base",
        "waits_and_jumps": """
if step < warm_up:
    return base
return base * processes
""",
        "a_step_early": """
share = min(1.0, (step + 1) / warm_up)
return base * (1 - share) + base * processes * share
""",
        "one_process_too_many": "return base + base * processes * min(1, step / warm_up)",
    },
    "the fraction that stays": {
        "time_left": "return shared / alone",
        "time_saved": "return (alone - shared) / alone",
        "the_speed_up": "return alone / shared",
        "what_can_be_shared": """
n = processes
return (1 - shared / alone) / (1 - 1 / n)
""",
        "efficiency": "return alone / (shared * processes)",
        "not_divided": "return shared / alone - 1 / processes",
        "in_milliseconds": """
n = processes
return (shared - alone / n) / (1 - 1 / n)
""",
    },
    "an all-reduce of your own": {
        "mean_for_sum": "return parts.mean(0).expand_as(parts)",
        "first_half": """
N = len(parts)
for k in range(N - 1):
    got = pass_on(torch.stack([parts[r, (r - k) % N] for r in range(N)]))
    for r in range(N):
        parts[r, (r - 1 - k) % N] += got[r]
return parts
""",
        "adds_to_the_end": """
N = len(parts)
for k in range(2 * N - 2):
    got = pass_on(torch.stack([parts[r, (r - k) % N] for r in range(N)]))
    for r in range(N):
        parts[r, (r - 1 - k) % N] += got[r]
return parts
""",
        "a_round_too_few": """
N = len(parts)
for k in range(2 * N - 3):
    got = pass_on(torch.stack([parts[r, (r - k) % N] for r in range(N)]))
    for r in range(N):
        c = (r - 1 - k) % N
        parts[r, c] = got[r] + (parts[r, c] if k < N - 1 else 0)
return parts
""",
        "unchanged": "return parts",
    },
}
