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
        "divided_twice": """
total = sum(sizes)
mean = sum(g * n / total for g, n in zip(gradients, sizes))
return mean / len(sizes)
""",
        "never_multiplied": "return torch.stack(gradients).sum(0) / sum(sizes)",
        "first_part_alone": """
total = 0
for g, n in zip(gradients, sizes):
    total += g * n
    return total / sum(sizes)
""",
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
        "too_steep": """
if step < warm_up:
    return base + base * processes * step / warm_up
return base * processes
""",
        "multiplies_evenly": "return base * processes ** (min(step, warm_up) / warm_up)",
        "a_step_short": """
if step < warm_up:
    return base + (base * processes - base) * step / (warm_up - 1)
return base * processes
""",
        "falls_back": """
if step < warm_up:
    return base + (processes - 1) * base * step / warm_up
return base
""",
        "rises_late": "return base * max(1, processes * min(step / warm_up, 1))",
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
        "from_the_speed_up": """
S = alone / shared
return (S - 1 / processes) / (1 - 1 / processes)
""",
        "no_brackets": "return shared / alone - 1 / processes / (1 - 1 / processes)",
        "minus_one": "return (shared / alone - 1) / (1 - 1 / processes)",
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
        "into_the_chunk_just_sent": """
N = len(parts)
r = torch.arange(N)
for k in range(2 * N - 2):
    got = pass_on(parts[r, (r - k) % N])
    if k < N - 1:
        parts[r, (r - k) % N] += got
    else:
        parts[r, (r - k) % N] = got
return parts
""",
        "adds_once_more": """
N = len(parts)
r = torch.arange(N)
for k in range(2 * N - 2):
    got = pass_on(parts[r, (r - k) % N])
    if k < N:
        got = got + parts[r, (r - 1 - k) % N]
    parts[r, (r - 1 - k) % N] = got
return parts
""",
        "never_adds": """
N = len(parts)
r = torch.arange(N)
for k in range(2 * N - 2):
    parts[r, (r - 1 - k) % N] = pass_on(parts[r, (r - k) % N])
return parts
""",
    },
}
