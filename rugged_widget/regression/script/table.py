"""The part of a script that reads the table and makes tensors of it."""

import math
from collections.abc import Sequence

from rugged_widget.regression.script.run_spec import Columns, Recipe
from rugged_widget.snapshot.dates import MICROSECONDS, Dates

TABLE = "data.csv"  # file that the script of a user's table reads


def reading(recipe: Recipe) -> str:
    """Return the lines that read the columns: x, group and y, and a list of covariates where there are any."""
    return _BUNDLED if recipe.columns is None else _read_table(recipe.columns)


def tensors(recipe: Recipe) -> str:
    """Return the lines that make features and targets of the columns, standardized where the run was."""
    names = ["x", *(["group"] if recipe.has_group else []), "y"]
    finite = [f"np.isfinite({name})" for name in names]
    if recipe.covariates:
        finite.insert(-1, "np.isfinite(covariates).all(0)")
    keep = f"keep = {' & '.join(finite)}\n"
    return keep + (_standardized(recipe, names) if recipe.standardized else _as_they_are(recipe))


def _as_they_are(recipe: Recipe) -> str:
    return f"""features = torch.tensor(np.column_stack([{_columns(recipe, "x")}])[keep], dtype=torch.float32)
targets = torch.tensor(y[keep], dtype=torch.float32)

"""


def _columns(recipe: Recipe, predictor: str) -> str:
    line = f"group, {predictor}, group * {predictor}" if recipe.has_group else predictor
    return f"{line}, *covariates" if recipe.covariates else line


def _standardized(recipe: Recipe, names: Sequence[str]) -> str:
    picked = ", ".join(f"{name}[keep]" for name in names)
    spreads = [
        "1.0,  # of two values: centered only" if texts else f"covariates[{place}].std(ddof=1),"
        for place, (_, texts) in enumerate(recipe.covariates)
    ]
    kept, scaled = "", ""
    if recipe.covariates:
        kept = "\ncovariates = [values[keep] for values in covariates]"
        lines = "\n    ".join(spreads)
        scaled = f"""
centers = [values.mean() for values in covariates]
spreads = [
    {lines}
]
covariates = [(values - center) / spread for values, center, spread in zip(covariates, centers, spreads)]"""
    what = "Predictor, covariates and response" if recipe.covariates else "Predictor and response"
    return f"""{", ".join(names)} = {picked}{kept}

# {what} are standardized for training: the model and its priors are of that scale.
x_center, y_center = x.mean(), y.mean()
x_spread, y_spread = (spread if spread > 0 else 1.0 for spread in (x.std(ddof=1), y.std(ddof=1)))
z = (x - x_center) / x_spread{scaled}
features = torch.tensor(np.column_stack([{_columns(recipe, "z")}]), dtype=torch.get_default_dtype())
targets = torch.tensor((y - y_center) / y_spread, dtype=torch.get_default_dtype())


{_map(recipe)}
"""


def _map(recipe: Recipe) -> str:
    """Define the function that maps draws to the units of the table."""
    size, first = recipe.num_features, 3 if recipe.has_group else 1
    if recipe.has_group:
        lines = [
            "group, predictor, product = weight[..., 0], weight[..., 1] / x_spread, weight[..., 2] / x_spread",
            "line = torch.stack([group - product * x_center, predictor, product], -1)",
        ]
    else:
        lines = ["predictor = weight[..., 0] / x_spread", "line = predictor[..., None]"]
    mapped, bias = "line", "y_center + bias - predictor * x_center"
    if recipe.covariates:
        lines.append(f"others = weight[..., {first}:] / torch.tensor(spreads, dtype=torch.float64)")
        mapped = "torch.cat([line, others], -1)"
        lines.append(f"bias = {bias} - others @ torch.tensor(centers, dtype=torch.float64)")
        bias = "bias"
    body = "\n    ".join(lines)
    return f'''def in_units_of_the_table(weight, bias, sigma):
    """Map draws of the latents, shapes (n, 1, {size}), (n, 1) and (n,), from the standardized scale."""
    weight, bias = weight.double() * y_spread, bias.double() * y_spread
    {body}
    return {mapped}, {bias}, sigma.double() * y_spread
'''


_BUNDLED = """# Data: log GDP per person on ruggedness, of the countries whose GDP is known.
table = load_rugged()
x = table["rugged"].to_numpy(float)
group = table["cont_africa"].to_numpy(float)
y = np.log(table["rgdppc_2000"].to_numpy(float))
"""


def _read_table(columns: Columns) -> str:
    """Read other columns of it, or the table that the user gave."""
    names, values = ["PREDICTOR", "RESPONSE"], [repr(columns.predictor), repr(columns.response)]
    group = ""
    if columns.group is not None:
        names.insert(1, "GROUP")
        values.insert(1, repr(columns.group))
        group = f"\n{_coded('group', 'GROUP', columns.group_values, columns.others, bundled=columns.bundled)}"
    response = "table[RESPONSE].to_numpy(float)"
    if columns.log_response:
        response = f"{response}\ny = np.log(np.where(y > 0, y, np.nan))"
    return f"""{", ".join(names)} = {", ".join(values)}

{_LOADING if columns.bundled else _reading(columns)}
{_predictor(columns.dates)}{group}{_covariates(columns)}
y = {response}
"""


def _predictor(dates: Dates | None) -> str:
    if dates is None:
        return "x = table[PREDICTOR].to_numpy(float)"
    hours = f"{MICROSECONDS[dates.unit] / MICROSECONDS['hour']:.10g}"
    return f"""moment = pd.to_datetime(table[PREDICTOR], format="ISO8601").dt.tz_localize(None)
x = ((moment - pd.Timestamp("{dates.origin}")) / pd.Timedelta(hours={hours})).to_numpy(float)"""


def _coded(target: str, column: str, texts: Sequence[str], others: bool, *, bundled: bool) -> str:
    """Make 0 and 1 of a column's two values; `column` is an expression."""
    numeric = _numbers(texts)
    zero, one = (repr(value) for value in (numeric or texts))
    if numeric is None:
        return f"{target} = table[{column}].map({{{zero}: 0.0, {one}: 1.0}}).to_numpy(float)"
    meaning = f"  # {zero} is 0, {one} is 1"
    if others:  # of which some may be no numbers
        value = f"table[{column}]" if bundled else f'pd.to_numeric(table[{column}], errors="coerce")'
        return f"""value = {value}.to_numpy(float)
{target} = np.where(value == {zero}, 0.0, np.where(value == {one}, 1.0, np.nan)){meaning}"""
    return f"""value = table[{column}].to_numpy(float)
{target} = np.where(np.isfinite(value), abs(value - {one}) < abs(value - {zero}), np.nan){meaning}"""


def _covariates(columns: Columns) -> str:
    """Read each covariate, one of two values as 0 and 1."""
    lines = [f"COVARIATES = [{', '.join(repr(name) for name, _ in columns.covariates)}]", "covariates = []"]
    for place, (_, texts) in enumerate(columns.covariates):
        column = f"COVARIATES[{place}]"
        if texts:
            lines += [_coded("values", column, texts, others=False, bundled=columns.bundled)]
        else:
            lines += [f"values = table[{column}].to_numpy(float)"]
        lines += ["covariates.append(values)"]
    return "\n" + "\n".join(lines) if columns.covariates else ""


_LOADING = """# Data: the table of the lesson.
table = load_rugged()"""


def _reading(columns: Columns) -> str:
    coded = [] if columns.group is None else [("GROUP", columns.group_values)]
    coded += [(repr(name), texts) for name, texts in columns.covariates]
    as_text = [name for name, texts in coded if texts and _numbers(texts) is None]
    numbers = ["PREDICTOR", *(name for name, _ in coded if name not in as_text), "RESPONSE"]
    dtype = f"\n    dtype={{{', '.join(f'{name}: str' for name in as_text)}}}," if as_text else ""
    return f"""# Data: write the table that the widget was given by df.to_csv("{TABLE}"), beside this script.
table = pd.read_csv(
    "{TABLE}",{dtype}
    keep_default_na=False,
    na_values=dict.fromkeys([{", ".join(numbers)}], [""]),
)"""


def _numbers(texts: Sequence[str]) -> tuple[float, float] | None:
    """Read two texts as two different numbers, or return None where they are not."""
    try:
        one, two = (float(text) for text in texts)
    except ValueError:
        return None
    return (one, two) if math.isfinite(one) and math.isfinite(two) and one != two else None
