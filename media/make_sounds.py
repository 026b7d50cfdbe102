#!/usr/bin/env python3
"""Makes the sounds of this folder: 8 kHz, 16 bit, mono WAV.

    apt-get install espeak-ng && python3 media/make_sounds.py

Speech is spoken by espeak-ng (the program; what it says is free to use); chimes, marks and melodies are computed here.
Nothing but Python's standard library is needed otherwise. The result is the same on every run with the same version
of espeak-ng; README.md of this folder names the version that made the committed files.
"""

import array
import math
import os
import subprocess
import sys
import tempfile
import wave

RATE = 8000
FOLDER = os.path.dirname(os.path.abspath(__file__))
VOICE = ["-v", "en-us+f3", "-s", "150", "-p", "45"]

# Marks: a pure tone before the spoken words. Tests measure the frequency by Goertzel to know which sound they hear.
# Each has a whole number of periods in 20 ms, none is a multiple of another, none is near a DTMF frequency.
MARK_SECONDS = 0.5


def tone(hertz, seconds, level=0.4):
    """A sine with 5 ms of rise and fall, so that it does not click."""
    count, edge = int(RATE * seconds), int(RATE * 0.005)
    samples = []
    for n in range(count):
        envelope = min(1.0, n / edge, (count - 1 - n) / edge)
        samples.append(level * envelope * math.sin(2 * math.pi * hertz * n / RATE))
    return samples


def silence(seconds):
    return [0.0] * int(RATE * seconds)


def bell(hertz, seconds, level=0.3):
    """A struck note: three partials that die away."""
    samples = []
    for n in range(int(RATE * seconds)):
        t = n / RATE
        decay = math.exp(-5.0 * t) * min(1.0, t / 0.003)
        partials = ((1.0, 1.0), (2.0, 0.4), (3.01, 0.15))
        value = sum(part * math.sin(2 * math.pi * hertz * ratio * t) for ratio, part in partials)
        samples.append(level * decay * value)
    fade = int(RATE * 0.02)
    for n in range(fade):
        samples[-1 - n] *= n / fade
    return samples


def melody(notes):
    """Notes of (frequency, start, length) in seconds, laid over each other."""
    end = max(start + length for _, start, length in notes)
    samples = silence(end)
    for hertz, start, length in notes:
        first = int(RATE * start)
        for n, value in enumerate(bell(hertz, length)):
            if first + n < len(samples):
                samples[first + n] += value
    return samples


def speech(text):
    """Spoken by espeak-ng at its own rate, filtered below 3.4 kHz, brought to 8 kHz, silence cut at both ends."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "speech.wav")
        subprocess.run(["espeak-ng", *VOICE, "-w", path, text], check=True)
        with wave.open(path) as file:
            rate = file.getframerate()
            samples = array.array("h", file.readframes(file.getnframes()))
    if sys.byteorder == "big":
        samples.byteswap()
    spoken = trim(resample([sample / 32768 for sample in samples], rate))
    peak = max(abs(value) for value in spoken)
    return [value * 0.6 / peak for value in spoken]


def resample(samples, rate):
    """A windowed sinc of 64 taps that cuts at 3.4 kHz, evaluated at every 8 kHz sample."""
    cut, half = 3400 / rate, 64
    result = []
    for n in range(int(len(samples) * RATE / rate)):
        centre = n * rate / RATE
        first = int(centre) - half + 1
        total = 0.0
        for k in range(max(first, 0), min(first + 2 * half, len(samples))):
            x = k - centre
            sinc = 2 * cut if abs(x) < 1e-9 else math.sin(2 * math.pi * cut * x) / (math.pi * x)
            total += samples[k] * sinc * (0.5 + 0.5 * math.cos(math.pi * x / half))
        result.append(total)
    return result


def trim(samples, threshold=0.004):
    loud = [n for n, value in enumerate(samples) if abs(value) > threshold]
    return samples[loud[0]:loud[-1] + 1]


def marked(hertz, text):
    return tone(hertz, MARK_SECONDS) + silence(0.15) + speech(text) + silence(0.1)


def chime():
    """A short rising chord: C, E, G."""
    return melody([(523.25, 0.0, 0.9), (659.25, 0.15, 0.9), (783.99, 0.3, 1.2)])


def ode():
    """The first line of the Ode to Joy (Beethoven, public domain)."""
    pitch = {"C": 523.25, "D": 587.33, "E": 659.25, "F": 698.46, "G": 783.99}
    notes, at = [], 0.0
    for name, beats in [(n, 1) for n in "EEFGGFEDCCDE"] + [("E", 1.5), ("D", 0.5), ("D", 2)]:
        notes.append((pitch[name], at, 0.35 * beats + 0.45))
        at += 0.35 * beats
    return melody(notes)


SOUNDS = {
    "welcome.wav": lambda: chime() + speech("Welcome to flow switch.") + silence(0.2),
    "play.wav": lambda: marked(1050, "This is flow switch. Here is a little music.") + silence(0.3) + ode() + silence(0.2),
    "ivr-menu.wav": lambda: speech(
        "Press one for a greeting. Press two for music. Press three to hear yourself. Press zero to end the call."
    ),
    "ivr-one.wav": lambda: marked(600, "You pressed one. Hello, and thank you for calling."),
    "ivr-two.wav": lambda: marked(900, "You pressed two.") + ode() + silence(0.2),
    "ivr-three.wav": lambda: marked(1150, "You pressed three. Speak, and you will hear yourself for ten seconds."),
    "ivr-unknown.wav": lambda: marked(400, "That key has no meaning here."),
    "ivr-silence.wav": lambda: marked(550, "I did not hear a key."),
    "goodbye.wav": lambda: marked(1400, "Goodbye.") + silence(0.2),
    "chime.wav": chime,
}


def write(name, samples):
    clipped = [max(-1.0, min(1.0, value)) for value in samples]
    frames = array.array("h", [round(value * 32767) for value in clipped])
    if sys.byteorder == "big":
        frames.byteswap()
    with wave.open(os.path.join(FOLDER, name), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(frames.tobytes())
    print(f"{name}: {len(samples) / RATE:.2f} s")


if __name__ == "__main__":
    for wanted, make in SOUNDS.items():
        write(wanted, make())
