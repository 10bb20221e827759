"""Name pre-trained text-to-image models, each with the settings it is made for.

Sizes are of what is downloaded, in 16 bits where the hub has them, else in 32. The licences are
those of the weights; read them before you publish what was made.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class NamedModel:
    """A model on the Hugging Face hub.

    side: of its images in pixels. steps: denoising steps of the whole schedule, of which
    ``strength`` times as many are run. guidance: 1 for a model that is distilled to need none.
    distilled: trained to need few steps, which further training on images would undo. gated: the
    hub asks for an account that has accepted the licence.
    """

    model: str
    side: int
    steps: int
    guidance: float
    gigabytes: float
    licence: str
    distilled: bool = False
    gated: bool = False

    @property
    def about(self) -> str:
        """One line about size and licence."""
        gate = "; log in to the hub first (hf auth login)" if self.gated else ""
        return (
            f"{self.model}: {self.side} pixels, about {self.gigabytes:g} GB to download once, "
            f"licence {self.licence}{gate}"
        )


NAMED = {
    "sd15": NamedModel(
        "stable-diffusion-v1-5/stable-diffusion-v1-5", 512, 50, 7.5, 4.3, "CreativeML OpenRAIL-M"
    ),
    "sd-turbo": NamedModel(
        "stabilityai/sd-turbo", 512, 4, 1.0, 5.2, "Stability AI Community", distilled=True
    ),
    "sdxl": NamedModel(
        "stabilityai/stable-diffusion-xl-base-1.0", 1024, 40, 5.0, 13.9, "CreativeML OpenRAIL++-M"
    ),
    "sdxl-turbo": NamedModel(
        "stabilityai/sdxl-turbo",
        512,
        4,
        1.0,
        13.9,
        "Stability AI non-commercial research",
        distilled=True,
    ),
    "sd3": NamedModel(
        "stabilityai/stable-diffusion-3-medium-diffusers",
        1024,
        25,
        7.0,
        16.0,
        "Stability AI Community",
        gated=True,
    ),
    "flux": NamedModel(
        "black-forest-labs/FLUX.1-schnell",
        1024,
        4,
        1.0,
        34.0,
        "Apache 2.0",
        distilled=True,
        gated=True,
    ),
}
