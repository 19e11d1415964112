"""Looks: the light, the air and the sensor, as numbers. A look never changes the geometry."""

from dataclasses import dataclass

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Look:
    """How a scene is lit and recorded; colours are linear light, 1 = white at exposure 1.

    Attributes:
        light: colour and strength of the sun (street) or the lamp (room).
        ambient: light from all around, strongest from above.
        elevation: the sun's height above the horizon, degrees, lowest and highest.
        lamp: height of a room's lamp as a share of the room's height, lowest and highest.
        zenith: colour of the sky overhead.
        horizon: colour of the sky at the horizon, and of haze.
        haze: metres after which 63 % of the light comes from the air.
        glow: strength of lit windows.
        exposure: factor on all light before the sensor.
        noise: standard deviation of the sensor's noise after the gamma, 1 = white.
    """

    light: Colour
    ambient: Colour
    elevation: tuple[float, float]
    lamp: tuple[float, float]
    zenith: Colour
    horizon: Colour
    haze: float
    glow: float
    exposure: float
    noise: float


DAY = Look(
    light=(1.0, 0.96, 0.88),
    ambient=(0.36, 0.40, 0.46),
    elevation=(35.0, 65.0),
    lamp=(0.8, 0.95),
    zenith=(0.12, 0.32, 0.75),
    horizon=(0.62, 0.74, 0.88),
    haze=380.0,
    glow=0.0,
    exposure=1.2,
    noise=0.012,
)
DUSK = Look(
    light=(1.0, 0.52, 0.22),
    ambient=(0.17, 0.18, 0.30),
    elevation=(8.0, 22.0),
    lamp=(0.6, 0.75),
    zenith=(0.05, 0.07, 0.22),
    horizon=(0.85, 0.42, 0.22),
    haze=200.0,
    glow=0.9,
    exposure=0.75,
    noise=0.035,
)
LOOKS: dict[str, Look] = {"day": DAY, "dusk": DUSK}
