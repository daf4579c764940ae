"""What people put into the blanks, and the words of the hint that each wrong answer must meet.

For each notebook and each of its exercises: the lines that go where the blank is, then words that
must be in what the check says. They are typed here as a reader would type them, independently of
the mistakes that the notebooks' cells know, and no two of an exercise may meet the same hint.
"""

WRONG_ANSWERS: dict[str, dict[str, list[tuple[str, str]]]] = {
    "01_computation_graph": {
        "leaves that learn": [
            ("return sum(tensor.is_leaf for tensor in tensors)", "no gradient will reach"),
            ("return len([t for t in tensors if t.requires_grad])", "it is no leaf"),
            ("return sum(t.grad_fn is not None for t in tensors)", "Those are the results"),
            (
                "count = 0\n"
                "for tensor in tensors:\n"
                "    if tensor.is_leaf or tensor.requires_grad:\n"
                "        count += 1\n"
                "return count",
                "both must be true",
            ),
            (
                "return sum(t.is_leaf and t.grad is not None for t in tensors)",
                "grad is empty until",
            ),
        ],
        "the chain rule": [
            ("u = 3 * x + 1\nreturn 2 * u", "The inner function"),
            ("u = 3 * x + 1\nreturn 2 * u + 3", "multiply"),
            ("return 3 * 2 * x", "taken at u"),
            ("u = 3 * x + 1\nz = u * u\nreturn z", "z itself"),
            ("u = 3 * x\nreturn 2 * u * 3", "stays in u"),
        ],
        "a gradient in parts": [
            ("for part in parts:\n    mean_loss(w, part).backward()", "divided by something"),
            (
                "for part in parts:\n    w.grad = None\n    mean_loss(w, part).backward()",
                "Only the last part",
            ),
            (
                "for part in parts:\n"
                "    if w.grad is not None:\n"
                "        w.grad.zero_()\n"
                "    loss = mean_loss(w, part) / len(parts)\n"
                "    loss.backward()",
                "You divide, but",
            ),
            ("mean_loss(w, torch.cat(parts)).backward()", "All parts at once"),
            (
                "total = 0\n"
                "for part in parts:\n"
                "    total = total + mean_loss(w, part)\n"
                "(total / len(parts)).backward()",
                "Two graphs at once",
            ),
        ],
        "the whole Jacobian": [
            ("y = function(x)\ny.backward(torch.ones_like(y))\nreturn x.grad", "sum of all rows"),
            ("function(x).backward()\nreturn x.grad", "say in gradient="),
            (
                "rows = []\n"
                "y = function(x)\n"
                "for i in range(len(y)):\n"
                "    x.grad = None\n"
                "    y[i].backward()\n"
                "    rows.append(x.grad)\n"
                "return torch.stack(rows)",
                "gone after one walk",
            ),
            (
                "rows = []\n"
                "for i in range(len(function(x))):\n"
                "    function(x)[i].backward()\n"
                "    rows.append(x.grad)\n"
                "return torch.stack(rows)",
                "All rows are the same",
            ),
            (
                "rows = []\n"
                "for i in range(len(function(x))):\n"
                "    function(x)[i].backward()\n"
                "    rows.append(x.grad.clone())\n"
                "return torch.stack(rows)",
                "The rows add up",
            ),
            (
                "y = function(x)\n"
                "rows = [torch.autograd.grad(entry, x, retain_graph=True)[0] for entry in y]\n"
                "return torch.stack(rows, dim=1)",
                "changed places",
            ),
            ("function(x)[0].backward()\nreturn x.grad", "first row alone"),
        ],
        "your own backward()": [
            (
                "total = {leaf: torch.zeros_like(leaf) for leaf in leaves}\n"
                "def visit(function, gradient):\n"
                "    if hasattr(function, 'variable'):\n"
                "        total[function.variable] += gradient\n"
                "        return\n"
                "    for after, part in call(function, gradient):\n"
                "        visit(after, part)\n"
                "with torch.no_grad():\n"
                "    visit(output.grad_fn, torch.ones_like(output))\n"
                "return torch.stack([total[leaf] for leaf in leaves])",
                "once for each path",
            ),
            (
                "waiting = [(output.grad_fn, torch.ones_like(output))]\n"
                "while waiting:\n"
                "    function, gradient = waiting.pop()\n"
                "    waiting += call(function, gradient)\n"
                "return gradient",
                "is not called",
            ),
            (
                "arrows, waiting = {}, [output.grad_fn]\n"
                "while waiting:\n"
                "    for function, _ in waiting.pop().next_functions:\n"
                "        arrows[function] = arrows.get(function, 0) + 1\n"
                "        waiting.append(function)\n"
                "return arrows",
                "are None",
            ),
            (
                "output.backward()\nreturn torch.stack([leaf.grad for leaf in leaves])",
                "PyTorch's walk",
            ),
            (
                "arrived = {output.grad_fn: torch.ones_like(output)}\n"
                "waiting, done = [output.grad_fn], []\n"
                "while waiting:\n"
                "    function = waiting.pop(0)\n"
                "    if hasattr(function, 'variable') or function in done:\n"
                "        continue\n"
                "    done.append(function)\n"
                "    for after, part in call(function, arrived[function]):\n"
                "        arrived[after] = arrived.get(after, 0) + part\n"
                "        waiting.append(after)\n"
                "ends = {f.variable: g for f, g in arrived.items() if hasattr(f, 'variable')}\n"
                "return torch.stack([ends[leaf] for leaf in leaves])",
                "First come",
            ),
            (
                "arrived = {output.grad_fn: torch.ones_like(output)}\n"
                "waiting, done = [output.grad_fn], []\n"
                "while waiting:\n"
                "    function = waiting.pop()\n"
                "    if hasattr(function, 'variable') or function in done:\n"
                "        continue\n"
                "    done.append(function)\n"
                "    for after, part in call(function, arrived[function]):\n"
                "        arrived[after] = arrived.get(after, 0) + part\n"
                "        waiting.append(after)\n"
                "ends = {f.variable: g for f, g in arrived.items() if hasattr(f, 'variable')}\n"
                "return torch.stack([ends[leaf] for leaf in leaves])",
                "Last come",
            ),
        ],
    },
    "02_ols_and_ridge": {
        "the fit": [
            ("return X.T @ y", "the right side alone"),
            ("return X @ torch.linalg.solve(X.T @ X, X.T @ y)", "the fitted targets"),
            ("return torch.stack([column @ y / (column @ column) for column in X.T])", "alone"),
            ("return torch.linalg.solve(X, y)", "not square"),
            ("return torch.linalg.inv(X.T @ X) @ X.T", "Multiply it by y"),
            ("return torch.linalg.inv(X.T @ X) * X.T @ y", "entry by entry"),
        ],
        "the condition number": [
            ("values = torch.linalg.svdvals(X.T @ X)\nreturn values[0] / values[-1]", "square"),
            ("values = torch.linalg.svdvals(X)\nreturn values[-1] / values[0]", "Upside down"),
            ("values = torch.linalg.svdvals(X)\nreturn values[0] - values[-1]", "not a difference"),
            ("return max(torch.linalg.svdvals(X))", "the largest alone"),
            ("return min(torch.linalg.svdvals(X))", "the smallest alone"),
            ("return 1 / torch.linalg.svdvals(X).min()", "one over the smallest"),
        ],
        "ridge by stacking": [
            (
                "d = X.shape[1]\n"
                "rows = torch.cat([X, penalty * torch.eye(d, dtype=X.dtype)])\n"
                "targets = torch.cat([y, torch.zeros(d, dtype=y.dtype)])\n"
                "return torch.linalg.lstsq(rows, targets).solution",
                "squared",
            ),
            ("return torch.linalg.lstsq(X, y, driver='gelsd').solution", "without a penalty"),
            (
                "A = X.T @ X + penalty * torch.eye(X.shape[1], dtype=X.dtype)\n"
                "return torch.linalg.solve(A, X.T @ y)",
                "forms XᵀX",
            ),
            (
                "d = X.shape[1]\n"
                "rows = torch.cat([X, torch.full((d, d), penalty**0.5, dtype=X.dtype)])\n"
                "targets = torch.cat([y, torch.zeros(d, dtype=y.dtype)])\n"
                "return torch.linalg.lstsq(rows, targets).solution",
                "on the diagonal",
            ),
            (
                "rows = torch.cat([X, penalty**0.5 * torch.eye(X.shape[1], dtype=X.dtype)])\n"
                "return torch.linalg.lstsq(rows, y).solution",
                "append zeros",
            ),
            (
                "more = penalty**0.5 * torch.eye(X.shape[1], dtype=X.dtype)\n"
                "return torch.linalg.lstsq(torch.cat([X, more], dim=1), y).solution",
                "below the old",
            ),
        ],
        "λ by leave-one-out": [
            (
                "errors = [float((y - X @ ridge(X, y, p)).square().mean()) for p in penalties]\n"
                "return penalties[errors.index(min(errors))]",
                "smallest training error",
            ),
            (
                "errors = [float(leave_one_out(X, y, p).square().mean()) for p in penalties]\n"
                "return penalties[errors.index(min(errors))]",
                "frees the first column",
            ),
            (
                "def error(p):\n"
                "    H = X @ torch.linalg.inv(X.T @ X + p * torch.eye(X.shape[1]).double()) @ X.T\n"
                "    return float(((y - H @ y) / (1 - H.diagonal())).mean().abs())\n"
                "return min(penalties, key=error)",
                "must not cancel",
            ),
            (
                "def error(p):\n"
                "    H = X @ torch.linalg.inv(X.T @ X + p * torch.eye(X.shape[1]).double()) @ X.T\n"
                "    return float(((y - H @ y) / (1 - H.diagonal())).square().mean())\n"
                "return max(penalties, key=error)",
                "largest error",
            ),
            (
                "errors = []\n"
                "for p in penalties:\n"
                "    H = X @ torch.linalg.inv(X.T @ X + p * torch.eye(X.shape[1]).double()) @ X.T\n"
                "    errors.append(((y - H @ y) / (1 - H.diagonal())).square().mean())\n"
                "return torch.stack(errors).argmin()",
                "place in the list",
            ),
            (
                "errors = []\n"
                "for p in penalties:\n"
                "    H = X @ torch.linalg.inv(X.T @ X + p * torch.eye(X.shape[1]).double()) @ X.T\n"
                "    errors.append(((y - H @ y) / (1 - H.diagonal())).square().mean())\n"
                "return min(errors)",
                "the smallest error",
            ),
        ],
        "a smoother": [
            (
                "n = len(y)\n"
                "D = torch.zeros(n - 1, n, dtype=y.dtype)\n"
                "for i in range(n - 1):\n"
                "    D[i, i], D[i, i + 1] = -1, 1\n"
                "return torch.linalg.solve(torch.eye(n).double() + penalty * D.T @ D, y)",
                "first differences",
            ),
            (
                "D = torch.eye(len(y), dtype=y.dtype).diff(n=2, dim=0)\n"
                "A = torch.eye(len(y), dtype=y.dtype) + penalty**2 * D.T @ D\n"
                "return torch.linalg.solve(A, y)",
                "squared",
            ),
            ("return y / (1 + penalty)", "shrinks the heights"),
            (
                "D = torch.eye(len(y), dtype=y.dtype).diff(n=2, dim=0)\n"
                "A = torch.eye(len(y), dtype=y.dtype) + penalty * D @ D.T\n"
                "return torch.linalg.solve(A, y)",
                "DDᵀ has",
            ),
            (
                "D = torch.eye(len(y), dtype=y.dtype).diff(n=2, dim=0)\n"
                "return torch.linalg.inv(torch.eye(len(y)).double() + penalty * D.T @ D)",
                "Multiply it by y",
            ),
            (
                "D = torch.eye(len(y), dtype=y.dtype).diff(n=2, dim=0)\n"
                "H = torch.linalg.inv(torch.eye(len(y)).double() + penalty * D.T @ D)\n"
                "return y - H @ y",
                "leaves over",
            ),
        ],
    },
    "03_gradient_descent": {
        "change of a short step": [
            (
                "return gradient_length * math.cos(degrees_from_gradient) * step_length",
                "wants radians",
            ),
            (
                "return gradient_length * math.cos(math.radians(degrees_from_gradient))",
                "multiply by the length",
            ),
            (
                "angle = degrees_from_gradient * math.pi / 180\n"
                "return gradient_length * math.sin(angle) * step_length",
                "Which function",
            ),
            (
                "angle = degrees_from_gradient * math.pi / 180\n"
                "return -step_length * gradient_length * math.cos(angle)",
                "Which sign",
            ),
            ("return gradient_length * step_length", "Where is the angle"),
        ],
        "factor of a step": [
            ("return max(1 - lr * mu, 1 - lr * L)", "take abs first"),
            ("kappa = L / mu\nreturn (kappa - 1) / (kappa + 1)", "best step size only"),
            ("return abs(1 - lr * L)", "That is the steep direction"),
            ("return abs(1 - lr * mu)", "That is the flat direction"),
            ("return min(abs(1 - lr * L), abs(1 - lr * mu))", "not the faster"),
        ],
        "steps needed": [
            (
                "return math.ceil(math.log(fraction) / math.log(1 - 1 / condition))",
                "lr = 1/L",
            ),
            (
                "factor = (condition - 1) / (condition + 1)\n"
                "return math.log(fraction) / math.log(factor)",
                "Only whole steps",
            ),
            (
                "factor = (condition - 1) / (condition + 1)\n"
                "return int(math.log(fraction, factor))",
                "not down",
            ),
            (
                "factor = (condition - 1) / (condition + 1)\n"
                "return round(math.log(fraction, factor))",
                "not to the nearest",
            ),
            (
                "factor = (condition - 1) / (condition + 1)\n"
                "return math.ceil(math.log(factor) / math.log(fraction))",
                "changed places",
            ),
            (
                "root = condition**0.5\n"
                "return math.ceil(math.log(fraction, (root - 1) / (root + 1)))",
                "with momentum",
            ),
        ],
        "a step with momentum": [
            ("v = gamma * v + lr * g\nreturn w - v, v", "second line"),
            ("v = gamma * v + (1 - gamma) * g\nreturn w - lr * v, v", "without 1 - γ"),
            ("return w - lr * v, gamma * v + g", "Use the new velocity"),
            ("v = gamma * v + g\nreturn w + lr * v, v", "Go against"),
            ("v = gamma * v + g\nw = w - lr * v\nreturn v, w", "First the weights"),
            ("v = gamma * v + g\nreturn w - lr * v", "two numbers"),
            ("return w - lr * g, g", "Where is the memory"),
        ],
        "the largest curvature": [
            (
                "u = torch.ones_like(w)\n"
                "for _ in range(100):\n"
                "    u = u / u.norm()\n"
                "    u = (gradient(w + 1e-4 * u) - gradient(w - 1e-4 * u)) / 2e-4\n"
                "return 2 / u.norm()",
                "asks for L",
            ),
            (
                "u = torch.ones_like(w)\n"
                "for _ in range(100):\n"
                "    u = u / u.norm()\n"
                "    u = (gradient(w + 1e-4 * u) - gradient(w - 1e-4 * u)) / 2e-4\n"
                "return u.norm() / 2",
                "That is half",
            ),
            (
                "u, eps = torch.ones_like(w), 1e-4\n"
                "for _ in range(100):\n"
                "    u = u / u.norm()\n"
                "    u = (gradient(w + eps * u) - gradient(w - eps * u)) / eps\n"
                "return u.norm()",
                "twice as much",
            ),
            (
                "u = torch.ones_like(w)\n"
                "for _ in range(100):\n"
                "    u = (gradient(w + 1e-4 * u) - gradient(w - 1e-4 * u)) / 2e-4\n"
                "    u = u / u.norm()\n"
                "return u.norm()",
                "before you make it 1",
            ),
            (
                "columns = []\n"
                "for place in range(len(w)):\n"
                "    u = torch.zeros_like(w)\n"
                "    u[place] = 1e-4\n"
                "    columns.append((gradient(w + u) - gradient(w - u)) / 2e-4)\n"
                "return torch.linalg.eigvalsh(torch.stack(columns))[-1]",
                "more than 300",
            ),
        ],
    },
    "04_fashion_mnist_pipeline": {
        "batches in an epoch": [
            ("return images // batch_size", "leaves out the last"),
            ("return images // batch_size + 1", "one too many"),
            ("return images / batch_size", "whole: round up"),
            ("return int(images / batch_size + 0.5)", "not to the nearest"),
            ("return 391", "The value differs"),
        ],
        "the loss by hand": [
            (
                "rows = torch.arange(len(labels))\nreturn log_probabilities[rows, labels].mean()",
                "The sign",
            ),
            (
                "total = 0\n"
                "for row, label in zip(log_probabilities, labels):\n"
                "    total -= row[label]\n"
                "return total",
                "the sum",
            ),
            ("return -log_probabilities.amax(1).mean()", "not the largest"),
            ("return -torch.mean(log_probabilities)", "not all ten"),
            ("return -log_probabilities[:, labels].mean()", "its own label"),
            ("return -log_probabilities[labels].mean()", "takes rows"),
            (
                "return -log_probabilities.gather(1, labels[:, None]).squeeze(1)",
                "take the mean",
            ),
            (
                "picked = log_probabilities[range(len(labels)), labels]\n"
                "return -torch.log(picked).mean()",
                "logarithms already",
            ),
            (
                "picked = log_probabilities[range(len(labels)), labels]\n"
                "return -torch.exp(picked).mean()",
                "as they are",
            ),
        ],
        "accuracy": [
            ("return (scores.argmax(dim=1) == labels).sum().item()", "divide by the number"),
            (
                "correct = (scores.argmax(dim=1) == labels).sum()\nreturn correct * len(labels)",
                "multiply where you should",
            ),
            (
                "correct = (scores.argmax(dim=1) == labels).sum()\n"
                "return 100 * correct * len(labels)",
                "leave out the 100",
            ),
            ("return (scores.max(dim=1).values == labels).float().mean()", "argmax, not max"),
            ("return (scores.argmax(dim=0) == labels).float().mean()", "dim=0"),
            ("return (scores.argmax(dim=1) == labels).mean()", "have no mean"),
            (
                "right = sum(scores.argmax(dim=1) == labels)\nreturn 100 * right / len(labels)",
                "per cent",
            ),
            (
                "return (scores.argmax(dim=1) != labels).double().mean()",
                "fraction of wrong",
            ),
        ],
        "a gradient without autograd": [
            (
                "p = torch.softmax(X @ W, dim=1)\np[range(len(X)), labels] -= 1\nreturn X.T @ p",
                "gradient of the sum",
            ),
            (
                "p = torch.softmax(X @ W, dim=1)\n"
                "truth = F.one_hot(labels, 10)\n"
                "return X.T @ (truth - p) / len(X)",
                "The sign",
            ),
            (
                "p = torch.softmax(X @ W, dim=1)\n"
                "p[range(len(X)), labels] -= 1\n"
                "return p.T @ X / len(X)",
                "shape of its weights",
            ),
            (
                "p = torch.softmax(X @ W, dim=1)\np[range(len(X)), labels] -= 1\nreturn p / len(X)",
                "the chain rule",
            ),
            (
                "p = torch.softmax(X @ W, dim=1)\n"
                "p[range(len(X)), labels] -= 1\n"
                "return X @ p / len(X)",
                "transpose X",
            ),
            ("return X.T @ torch.softmax(X @ W, dim=1) / len(X)", "at the right class"),
            (
                "p = torch.softmax(X @ W, dim=0)\n"
                "truth = F.one_hot(labels, 10)\n"
                "return X.T @ (p - truth) / len(X)",
                "softmax over dim=1",
            ),
        ],
    },
    "05_debugging_clinic": {
        "the line to read": [
            ("return len(files) - 1", "innermost"),
            ("return files.index(mine)", "outermost"),
            ("return max(n for n, file in enumerate(files, 1) if file == mine)", "Count from 0"),
        ],
        "an epoch that learns": [
            (
                "losses = []\n"
                "for images, labels in case.batches:\n"
                "    loss = case.loss_function(case.network(images), labels)\n"
                "    loss.backward()\n"
                "    case.optimizer.zero_grad()\n"
                "    losses.append(loss.item())\n"
                "return losses",
                "No weight moves",
            ),
            (
                "losses = []\n"
                "for images, labels in case.batches:\n"
                "    loss = case.loss_function(case.network(images), labels)\n"
                "    case.optimizer.step()\n"
                "    case.optimizer.zero_grad()\n"
                "    loss.backward()\n"
                "    losses.append(loss.item())\n"
                "return losses",
                "still needs",
            ),
            (
                "losses = []\n"
                "for images, labels in case.batches:\n"
                "    loss = case.loss_function(case.network(images), labels)\n"
                "    loss.backward()\n"
                "    case.optimizer.step()\n"
                "    losses.append(loss.item())\n"
                "return losses",
                "never clears",
            ),
            (
                "for images, labels in case.batches:\n"
                "    case.optimizer.zero_grad()\n"
                "    loss = case.loss_function(case.network(images), labels)\n"
                "    loss.backward()\n"
                "    case.optimizer.step()\n"
                "return loss.item()",
                "One loss for each batch",
            ),
        ],
        "a head the right way round": [
            ("return torch.log_softmax(scores, dim=0)", "the images compete"),
            ("return scores - torch.log(torch.exp(scores).sum())", "whole batch"),
            ("e = scores.exp()\nreturn e / e.sum(dim=1, keepdim=True)", "take their logarithm"),
            ("return scores", "raw scores"),
            ("return scores.logsumexp(1, keepdim=True) - scores", "The sign"),
            ("return scores - torch.logsumexp(scores, dim=1)", "keepdim"),
        ],
        "honest books": [
            (
                "right = seen = 0\n"
                "result = []\n"
                "for i, (c, s) in enumerate(zip(correct, samples), 1):\n"
                "    right, seen = right + c, seen + s\n"
                "    if i % epoch == 0:\n"
                "        result.append(right / seen)\n"
                "return result",
                "Set the counters back",
            ),
            (
                "n = range(0, len(correct), epoch)\n"
                "return [sum(correct[i:i + epoch]) * sum(samples[i:i + epoch]) for i in n]",
                "do not multiply",
            ),
            (
                "n = range(0, len(correct), epoch)\n"
                "return [100 * sum(correct[i:i + epoch]) / sum(samples[i:i + epoch]) for i in n]",
                "not per cent",
            ),
            (
                "each = [c / s for c, s in zip(correct, samples)]\n"
                "return [sum(each[i:i + epoch]) / epoch for i in range(0, len(each), epoch)]",
                "add up first",
            ),
            ("return sum(correct) / sum(samples)", "One number for each epoch"),
        ],
        "your own check": [
            ("return SOUND", "nothing was asked"),
            (
                "loss = loss_function(network(images), labels)\n"
                "return INPUTS if loss > 4.6 else SOUND",
                "The first loss alone",
            ),
            (
                "z = network(images)\n"
                "if abs(z.exp().sum(1) - 1).max() > 0.01:\n"
                "    return SCORES\n"
                "if loss_function(z[:32], labels[:32]) < 0.5 * loss_function(z, labels):\n"
                "    return LOSS\n"
                "return INPUTS if loss_function(z, labels) > 4.6 else SOUND",
                "show one image alone",
            ),
            (
                "z = network(images)\n"
                "if abs(network(images[5:6]) - z[5]).max() > 0.01:\n"
                "    return BATCH\n"
                "if abs(z.exp().sum(1) - 1).max() > 0.01:\n"
                "    return SCORES\n"
                "return INPUTS if loss_function(z, labels) > 4.6 else SOUND",
                "half the batch",
            ),
        ],
    },
    "06_beyond_one_process": {
        "the gradient of the whole": [
            ("return sum(gradients) / len(gradients)", "plain mean"),
            ("return sum(g * n for g, n in zip(gradients, sizes))", "the sum over all images"),
            (
                "total = sum(g * n for g, n in zip(gradients, sizes))\nreturn total / len(sizes)",
                "not by the number of parts",
            ),
            (
                "total = sum(g / n for g, n in zip(gradients, sizes))\nreturn total / sum(sizes)",
                "means already",
            ),
            ("return sum(gradients)", "as they are"),
            ("return gradients[0]", "The value differs"),
        ],
        "a rate with a warm-up": [
            ("return base * processes * min(1, step / warm_up)", "starts from zero"),
            ("return base + (processes - 1) * base * step / warm_up", "goes on rising"),
            ("return processes * base", "jumps at once"),
            (
                "if step < warm_up:\n    return base\nreturn base * processes",
                "waits, and then jumps",
            ),
            (
                "share = min(1.0, (step + 1) / warm_up)\n"
                "return base * (1 - share) + base * processes * share",
                "one step too early",
            ),
            ("return base + base * processes * min(1, step / warm_up)", "processes + 1"),
        ],
        "the fraction that stays": [
            ("return shared / alone", "a part of it is shared work"),
            ("return alone / shared", "the speed-up"),
            ("n = processes\nreturn (1 - shared / alone) / (1 - 1 / n)", "that can be shared"),
            ("return alone / (shared * processes)", "the efficiency"),
            ("return shared / alone - 1 / processes", "Divide by 1 - 1/N"),
            (
                "n = processes\nreturn (shared - alone / n) / (1 - 1 / n)",
                "in milliseconds",
            ),
        ],
        "an all-reduce of your own": [
            ("return parts.mean(0).expand_as(parts)", "the mean"),
            (
                "N = len(parts)\n"
                "for k in range(N - 1):\n"
                "    got = pass_on(torch.stack([parts[r, (r - k) % N] for r in range(N)]))\n"
                "    for r in range(N):\n"
                "        parts[r, (r - 1 - k) % N] += got[r]\n"
                "return parts",
                "the first half",
            ),
            (
                "N = len(parts)\n"
                "for k in range(2 * N - 2):\n"
                "    got = pass_on(torch.stack([parts[r, (r - k) % N] for r in range(N)]))\n"
                "    for r in range(N):\n"
                "        parts[r, (r - 1 - k) % N] += got[r]\n"
                "return parts",
                "replaces; do not add",
            ),
            (
                "N = len(parts)\n"
                "for k in range(2 * N - 3):\n"
                "    got = pass_on(torch.stack([parts[r, (r - k) % N] for r in range(N)]))\n"
                "    for r in range(N):\n"
                "        c = (r - 1 - k) % N\n"
                "        parts[r, c] = got[r] + (parts[r, c] if k < N - 1 else 0)\n"
                "return parts",
                "One round too few",
            ),
            ("return parts", "Nothing has changed"),
        ],
    },
}
