"""PDF files by hand: pages that are one image in each of the usual codings, and pages with text of their own."""

import io
import struct
import zlib

from PIL import Image, ImageChops

A4 = (595, 842)


def write(objects, root, extra=b""):
    """Objects (bytes without number) from 1; a classic cross-reference table."""
    out, places = bytearray(b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n"), []
    for n, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n" % n + body + b"\nendobj\n"
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + b"".join(b"%010d 00000 n \n" % p for p in places)
    out += b"trailer\n<</Size %d/Root %d 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, root, extra, table)
    return bytes(out)


def stream(dictionary, data):
    return b"<<" + dictionary + b"/Length %d>>\nstream\n" % len(data) + data + b"\nendstream"


def g4(image):
    """The bare T.6 strip of a bilevel image; Pillow codes white as the run that is set, PDF wants black."""
    buffer = io.BytesIO()
    ImageChops.invert(image).save(buffer, "TIFF", compression="group4", tiffinfo={278: image.height})
    buffer.seek(0)
    tags = Image.open(buffer).tag_v2
    raw = buffer.getvalue()
    (start,), (length,) = tags[273], tags[279]
    return raw[start : start + length]


def jbig2(image):
    """An embedded JBIG2 stream with one generic region coded as MMR: the T.6 strip in segments (T.88, 7.4.6)."""
    size = struct.pack(">II", image.width, image.height)
    page = size + struct.pack(">IIBH", 0, 0, 0, 0)
    region = size + struct.pack(">IIB", 0, 0, 0) + b"\x01" + g4(image)
    head = lambda n, kind, body: struct.pack(">IBBBI", n, kind, 0, 1, len(body)) + body
    return head(0, 0x30, page) + head(1, 0x26, region)


def coded(image, coding):
    """Dictionary and data of an image XObject."""
    size = b"/Type/XObject/Subtype/Image/Width %d/Height %d" % image.size
    space = {"1": b"/ColorSpace/DeviceGray/BitsPerComponent 1", "L": b"/ColorSpace/DeviceGray/BitsPerComponent 8", "RGB": b"/ColorSpace/DeviceRGB/BitsPerComponent 8"}[image.mode]
    if coding == "ccitt":
        parms = b"/Filter/CCITTFaxDecode/DecodeParms<</K -1/Columns %d/Rows %d>>" % image.size
        return size + space + parms, g4(image)
    if coding == "jbig2":
        return size + space + b"/Filter/JBIG2Decode", jbig2(image)
    if coding == "flate":
        return size + space + b"/Filter/FlateDecode", zlib.compress(image.tobytes(), 9)
    buffer = io.BytesIO()
    if coding == "dct":
        image.save(buffer, "JPEG", quality=55)
        return size + space + b"/Filter/DCTDecode", buffer.getvalue()
    image.save(buffer, "JPEG2000", quality_mode="rates", quality_layers=[28])
    return size + space + b"/Filter/JPXDecode", buffer.getvalue()


def content_of(lines):
    """A content stream of text lines: bold where marked, the fonts /F1 and /F2."""
    text = [b"BT 1 0 0 1 62 770 Tm 16 TL"]
    for kind, line in lines:
        quoted = line.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
        text.append((b"/F2 12 Tf " if kind == "b" else b"/F1 11 Tf ") + b"(" + quoted + b") Tj T*")
    return b"\n".join(text + [b"ET"])


def document(pages):
    """Pages are ("image", image, coding) or ("text", lines)."""
    objects = [b"", b""]
    objects += [b"<</Type/Font/Subtype/Type1/BaseFont/%s/Encoding/WinAnsiEncoding>>" % f for f in (b"Helvetica", b"Helvetica-Bold")]
    kids = []
    for page in pages:
        if page[0] == "image":
            objects.append(stream(*coded(page[1], page[2])))
            drawn, resources = b"q %d 0 0 %d 0 0 cm /I Do Q" % A4, b"/XObject<</I %d 0 R>>" % len(objects)
        else:
            drawn, resources = content_of(page[1]), b"/Font<</F1 3 0 R/F2 4 0 R>>"
        objects.append(stream(b"", drawn))
        objects.append(b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]/Resources<<%s>>/Contents %d 0 R>>" % (*A4, resources, len(objects)))
        kids.append(len(objects))
    objects[0] = b"<</Type/Catalog/Pages 2 0 R>>"
    objects[1] = b"<</Type/Pages/Kids[%s]/Count %d>>" % (b" ".join(b"%d 0 R" % k for k in kids), len(kids))
    return write(objects, 1)
