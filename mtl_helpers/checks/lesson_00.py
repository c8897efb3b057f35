"""The checks of lesson 00: how the exercises work."""

from mtl_helpers.data import load_penguins


def check_1(heavy_birds: int) -> str | None:
    """How many of the 333 birds weigh more than 5,000 g."""
    grams = load_penguins().table["body_mass_g"]
    if isinstance(heavy_birds, bool) or not hasattr(heavy_birds, "__int__"):
        return "A number is expected: how many birds?"
    right = int((grams > 5000).sum())
    if heavy_birds == right:
        return None
    if heavy_birds == len(grams):
        return "That is every bird: the masses are in grams, so 5 kg are 5000, not 5."
    if heavy_birds == int((grams >= 5000).sum()):
        return "This counts the birds of exactly 5,000 g too. More than is `>`, not `>=`."
    if heavy_birds == int((grams < 5000).sum()) or heavy_birds == int((grams <= 5000).sum()):
        return "These are the light birds. Turn the comparison round."
    if abs(heavy_birds - right / len(grams)) < 0.005 or abs(heavy_birds - 100 * right / len(grams)) < 0.5:
        return "This is a share. The question is how many birds: use `sum`, not `mean`."
    return "Compare the column `body_mass_g` with 5000, and count how often the comparison is true."


def check_2(losses: dict[str, str]) -> str | None:
    """A loss for each of the two heads."""
    if not isinstance(losses, dict):
        return "A dictionary is expected: the name of each task with its loss."
    if set(losses) != {"species", "body_mass"}:
        return (
            f"The keys must be the tasks, species and body_mass, but they are {', '.join(map(str, losses))}."
        )
    species, body_mass = losses["species"], losses["body_mass"]
    if body_mass == "sparse_categorical_crossentropy" and species in ("mse", "mae"):
        return "They are the wrong way round: cross-entropy is for classes, mse for numbers."
    for task, loss in losses.items():
        if loss in ("accuracy", "acc"):
            return f"Accuracy is a metric. It moves in jumps, so a network cannot be trained on it; {task} needs a loss."
    if species == "categorical_crossentropy":
        return "categorical_crossentropy expects one-hot targets. The species are numbers 0, 1, 2: put sparse_ before it."
    if species == "binary_crossentropy":
        return "binary_crossentropy is for two classes. There are three species."
    if species in ("mse", "mae"):
        return f"{species} would treat species 2 as twice species 1. Classes have no such order: use a cross-entropy."
    if "crossentropy" in str(body_mass):
        return "Body mass is a number, not a class: use mse."
    if species == "sparse_categorical_crossentropy" and body_mass in ("mse", "mean_squared_error"):
        return None
    return "Choose sparse_categorical_crossentropy for classes that are numbers, and mse for a quantity."
