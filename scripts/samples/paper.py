"""How does a municipal page look on paper, and how does a tired scanner see it? Layout and wear, with Pillow alone."""

import random

from PIL import Image, ImageDraw, ImageFilter, ImageFont

FONTS = "/usr/share/fonts/truetype/"
FACES = {
    "serif": ("liberation/LiberationSerif-Regular.ttf", "liberation/LiberationSerif-Bold.ttf"),
    "sans": ("liberation/LiberationSans-Regular.ttf", "liberation/LiberationSans-Bold.ttf"),
    "dejavu": ("dejavu/DejaVuSans.ttf", "dejavu/DejaVuSans-Bold.ttf"),
    "mono": ("liberation/LiberationMono-Regular.ttf", "liberation/LiberationMono-Bold.ttf"),
}


SAID = []
"""What was written on papers since somebody last took it: the truth of a sample's words."""


class Paper:
    """Pages of A4 under a cursor; text flows to the next page by itself."""

    def __init__(self, face="serif", dpi=300, size=11.5, seed=1):
        self.face, self.dpi, self.size = face, dpi, size
        self.random = random.Random(seed)
        self.pages = []
        self.page_break()

    def mm(self, value):
        return int(value * self.dpi / 25.4)

    def font(self, size=None, bold=False):
        points = size or self.size
        return ImageFont.truetype(FONTS + FACES[self.face][1 if bold else 0], int(points * self.dpi / 72))

    def page_break(self):
        self.pages.append(Image.new("L", (self.mm(210), self.mm(297)), 255))
        self.draw = ImageDraw.Draw(self.pages[-1])
        self.y = self.mm(22)

    def room(self, needed):
        if self.y + needed > self.mm(275):
            self.page_break()

    def gap(self, mm):
        self.y += self.mm(mm)

    def line(self, text, align="left", bold=False, size=None, indent=0):
        font = self.font(size, bold)
        step = int((size or self.size) * self.dpi / 72 * 1.32)
        self.room(step)
        width = self.draw.textlength(text, font)
        x = {"left": self.mm(22 + indent), "centre": (self.mm(210) - width) / 2, "right": self.mm(188) - width}[align]
        self.draw.text((x, self.y), text, 0, font)
        SAID.append(text)
        self.y += step

    def text(self, body, bold=False, size=None, indent=0, first=""):
        """A paragraph, broken into lines."""
        font = self.font(size, bold)
        width = self.mm(166 - indent)
        line = first
        for word in body.split():
            wider = (line + " " + word).strip() if line != first else line + word
            if self.draw.textlength(wider, font) > width and line:
                self.line(line, bold=bold, size=size, indent=indent)
                line = word
            else:
                line = wider
        self.line(line, bold=bold, size=size, indent=indent)
        self.gap(1.2)

    def letterhead(self, lines, crest=True):
        if crest:
            x, y = self.mm(24), self.y
            self.draw.polygon([(x, y), (x + self.mm(15), y), (x + self.mm(15), y + self.mm(11)), (x + self.mm(7.5), y + self.mm(18)), (x, y + self.mm(11))], outline=0, width=4)
            self.draw.line([(x, y + self.mm(6)), (x + self.mm(15), y + self.mm(6))], fill=0, width=4)
            self.draw.rectangle([x + self.mm(5), y + self.mm(8), x + self.mm(10), y + self.mm(13)], fill=60)
        for n, text in enumerate(lines):
            self.line(text, "centre", bold=n == 0, size=16 if n == 0 else 9.5)
        self.gap(2)
        self.draw.line([(self.mm(22), self.y), (self.mm(188), self.y)], fill=0, width=3)
        self.gap(6)

    def table(self, rows, widths, bold_first=True):
        step = int(self.size * self.dpi / 72 * 1.6)
        for n, row in enumerate(rows):
            self.room(step)
            x = self.mm(22)
            for cell, width in zip(row, widths):
                box = [x, self.y, x + self.mm(width), self.y + step]
                self.draw.rectangle(box, outline=0, width=2)
                self.draw.text((x + self.mm(1.5), self.y + step * 0.16), cell, 0, self.font(self.size - 1, bold_first and n == 0))
                SAID.append(cell)
                x += self.mm(width)
            self.y += step
        self.gap(3)

    def stamp(self, lines, x=128, y=8, angle=1.5, page=0, shade=40):
        """A rubber stamp in a box, a little askew."""
        SAID.extend(lines)
        font = ImageFont.truetype(FONTS + FACES["sans"][1], int(10 * self.dpi / 72))
        step = int(10 * self.dpi / 72 * 1.35)
        probe = ImageDraw.Draw(Image.new("L", (1, 1)))
        width = int(max(probe.textlength(t, font) for t in lines)) + self.mm(6)
        height = step * len(lines) + self.mm(4)
        mask = Image.new("L", (width, height), 0)
        draw = ImageDraw.Draw(mask)
        draw.rectangle([3, 3, width - 4, height - 4], outline=255, width=5)
        for n, text in enumerate(lines):
            draw.text(((width - draw.textlength(text, font)) / 2, self.mm(2) + n * step), text, 255, font)
        mask = mask.rotate(angle, expand=True, resample=Image.BICUBIC)
        self.pages[page].paste(shade, (self.mm(x), self.mm(y)), mask)

    def sign(self, role, name, x=115):
        """A role, a scrawl and a name."""
        self.room(self.mm(30))
        self.gap(5)
        for text in (role,):
            self.draw.text((self.mm(x), self.y), text, 0, self.font())
        self.gap(9)
        px, py, points = self.mm(x + 4), self.y, []
        for n in range(26):
            points.append((px + n * self.mm(1.7), py + self.random.randint(-self.mm(4), self.mm(4)) * (1 if n % 3 else 2) // 2))
        self.draw.line(points, fill=30, width=5, joint="curve")
        self.gap(6)
        self.draw.text((self.mm(x), self.y), name, 0, self.font())
        SAID.extend((role, name))
        self.gap(8)


def worn(page, seed, skew=0.0, speckle=0, blur=0.0, light=0.0, noise=0):
    """The page as it comes off the glass: turned, specked, unevenly lit."""
    rng = random.Random(seed)
    if skew:
        page = page.rotate(skew, resample=Image.BICUBIC, fillcolor=255)
    if blur:
        page = page.filter(ImageFilter.GaussianBlur(blur))
    if light:
        shade = Image.linear_gradient("L").resize(page.size).point(lambda v: 255 - int(v * light))
        page = Image.composite(page, Image.new("L", page.size, 0), shade)
    if noise:
        grain = Image.effect_noise((page.width // 2, page.height // 2), noise).resize(page.size)
        page = Image.blend(page, Image.composite(page, grain, page.point(lambda v: 255 if v < 90 else 150)), 0.5)
    draw = ImageDraw.Draw(page)
    for _ in range(speckle):
        x, y, r = rng.randrange(page.width), rng.randrange(page.height), rng.choice((1, 1, 2, 3))
        draw.ellipse([x, y, x + r, y + r], fill=rng.randrange(0, 110))
    return page


def bilevel(page, threshold=165):
    return page.point(lambda v: 255 if v > threshold else 0).convert("1", dither=Image.NONE)


def tinted(page, paper=(250, 246, 236), ink=(24, 26, 60)):
    """A colour scan: paper that has aged, ink that is not black."""
    lut = lambda a, b: [a + (b - a) * v // 255 for v in range(256)]
    return Image.merge("RGB", [page.point(lut(i, p)) for i, p in zip(ink, paper)])
