"""What people type into the blanks of notebook 01, by the name of the mistake that it must meet.

Typed as a reader would type it, independently of what stands in ``answers.py``.
"""

# The cells that an exercise leans on: they make what its check is given besides.
CELLS = {
    "your own backward()": ["fresh-x-y-and-z", "one-function-called", "each-path-on-its-own"],
}

IMPATIENT = """
arrived = {output.grad_fn: torch.ones_like(output)}
waiting, done = [output.grad_fn], []
while waiting:
    function = waiting.pop(0)
    if hasattr(function, 'variable') or function in done:
        continue
    done.append(function)
    for after, part in call(function, arrived[function]):
        arrived[after] = arrived.get(after, 0) + part
        waiting.append(after)
ends = {f.variable: g for f, g in arrived.items() if hasattr(f, 'variable')}
return torch.stack([ends[leaf] for leaf in leaves])
"""

PATIENT = """
arrows, waiting = {{output.grad_fn: 0}}, [output.grad_fn]
while waiting:
    for function, _ in waiting.pop().next_functions:
        if function is not None and function not in arrows:
            arrows[function] = 0
            waiting.append(function)
        if function is not None:
            arrows[function] += 1
arrived, waiting, ends = {{output.grad_fn: torch.ones_like(output)}}, [output.grad_fn], {{}}
while waiting:
    function = waiting.pop()
    if hasattr(function, 'variable'):
        ends[function.variable] = arrived[function]
        continue
    for after, part in call(function, arrived[function]):
        arrived[after] = arrived.get(after, 0){}
        arrows[after] -= 1
        if arrows[after] == 0:
            waiting.append(after)
return torch.stack({})
"""

TYPED = {
    "leaves that learn": {
        "all_leaves": "return sum(tensor.is_leaf for tensor in tensors)",
        "all_that_require_a_gradient": "return len([t for t in tensors if t.requires_grad])",
        "the_results": "return sum(t.grad_fn is not None for t in tensors)",
        "one_of_the_two": """
count = 0
for tensor in tensors:
    if tensor.is_leaf or tensor.requires_grad:
        count += 1
return count
""",
        "none_of_them": "return sum(t.is_leaf and t.grad is not None for t in tensors)",
    },
    "the chain rule": {
        "outer_slope_alone": "u = 3 * x + 1\nreturn 2 * u",
        "slopes_added": "u = 3 * x + 1\nreturn 2 * u + 3",
        "outer_slope_at_x": "return 3 * 2 * x",
        "without_the_two": "u = 3 * x + 1\nreturn u * 3",
        "inner_slope_with_x": "u = 3 * x + 1\nreturn 2 * u * (3 * x)",
        "z_itself": "u = 3 * x + 1\nz = u * u\nreturn z",
        "without_the_one": "u = 3 * x\nreturn 2 * u * 3",
    },
    "a gradient in parts": {
        "not_divided": "for part in parts:\n    mean_loss(w, part).backward()",
        "divided_by_entries": """
for part in parts:
    (mean_loss(w, part) / len(part)).backward()
""",
        "cleared_at_the_end": """
for part in parts:
    (mean_loss(w, part) / len(parts)).backward()
    w.grad.zero_()
""",
        "the_last_part": """
for part in parts:
    w.grad = None
    mean_loss(w, part).backward()
""",
        "the_last_part_divided": """
for part in parts:
    if w.grad is not None:
        w.grad.zero_()
    loss = mean_loss(w, part) / len(parts)
    loss.backward()
""",
        "divided_each_round": """
for part in parts:
    mean_loss(w, part).backward()
    w.grad /= len(parts)
""",
        "all_at_once": "mean_loss(w, torch.cat(parts)).backward()",
        "walked_at_the_end": """
total = 0
for part in parts:
    total = total + mean_loss(w, part)
(total / len(parts)).backward()
""",
    },
    "the whole Jacobian": {
        "sum_of_the_rows": """
y = function(x)
y.backward(torch.ones_like(y))
return x.grad
""",
        "no_gradient_given": "function(x).backward()\nreturn x.grad",
        "graph_walked_twice": """
rows = []
y = function(x)
for i in range(len(y)):
    x.grad = None
    y[i].backward()
    rows.append(x.grad)
return torch.stack(rows)
""",
        "one_tensor_in_all_rows": """
rows = []
for i in range(len(function(x))):
    function(x)[i].backward()
    rows.append(x.grad)
return torch.stack(rows)
""",
        "cleared_in_all_rows": """
rows = []
for i in range(len(function(x))):
    function(x)[i].backward()
    rows.append(x.grad)
    x.grad.zero_()
return torch.stack(rows)
""",
        "last_row_in_all_rows": """
rows = []
for i in range(len(function(x))):
    if x.grad is not None:
        x.grad.zero_()
    function(x)[i].backward()
    rows.append(x.grad)
return torch.stack(rows)
""",
        "rows_that_add_up": """
rows = []
for i in range(len(function(x))):
    function(x)[i].backward()
    rows.append(x.grad.clone())
return torch.stack(rows)
""",
        "transposed": """
y = function(x)
rows = [torch.autograd.grad(entry, x, retain_graph=True)[0] for entry in y]
return torch.stack(rows, dim=1)
""",
        "the_first_row": "function(x)[0].backward()\nreturn x.grad",
    },
    "your own backward()": {
        "each_path_on_its_own": "return path_by_path(output, leaves, call)",
        "calls_the_leaf": """
waiting = [(output.grad_fn, torch.ones_like(output))]
while waiting:
    function, gradient = waiting.pop()
    waiting += call(function, gradient)
return gradient
""",
        "follows_none": """
arrows, waiting = {}, [output.grad_fn]
while waiting:
    for function, _ in waiting.pop().next_functions:
        arrows[function] = arrows.get(function, 0) + 1
        waiting.append(function)
return arrows
""",
        "pytorchs_walk": "output.backward()\nreturn torch.stack([leaf.grad for leaf in leaves])",
        "order_of_arrival": PATIENT.format(" + part", "list(ends.values())"),
        "replaces": PATIENT.format("", "[ends[leaf] for leaf in leaves]").replace(
            "arrived.get(after, 0)", "part"
        ),
        "first_come_first_served": IMPATIENT,
        "last_come_first_served": IMPATIENT.replace("pop(0)", "pop()"),
    },
}
