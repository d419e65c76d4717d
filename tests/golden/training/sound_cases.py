"""WAV files to read."""

import wave

import numpy as np


def write_wav(path, samples, rate=8000, channels=1, width=2):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(np.asarray(samples).astype(f"<i{width}" if width > 1 else "u1").tobytes())


def tones(label, take, samples=900):
    """A tone whose pitch is the label's."""
    n = np.arange(samples)
    return np.round(6000 * np.sin(n * (0.3 + 0.5 * label) + take)).astype(np.int16)


def digits_folder(folder, labels=3, takes=9):
    """Clips named as the Free Spoken Digits are."""
    for label in range(labels):
        for take in range(takes):
            write_wav(folder / f"{label}_ann_{take}.wav", tones(label, take))
    return folder
