"""Write ``first_slide.jpg``, with which chapter 00 begins: the slide of its ``FindTheTumour``."""

from pathlib import Path

from PIL import Image

from mil_tutorial import slide_image

if __name__ == "__main__":
    picture = Image.fromarray(slide_image("default-143")).resize((448, 448))
    picture.save(Path(__file__).with_suffix(".jpg"), quality=85)
