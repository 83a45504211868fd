"""Codes with true check digits for people and firms that do not exist."""

from datetime import date

ODD = dict(zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23]))
EVEN = {c: int(c) if c.isdigit() else ord(c) - 65 for c in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def letters(word, is_name):
    word = "".join(c for c in word.upper() if c.isalpha())
    consonants = [c for c in word if c not in "AEIOU"]
    if is_name and len(consonants) > 3:
        consonants = [consonants[i] for i in (0, 2, 3)]
    return "".join((consonants + [c for c in word if c in "AEIOU"] + list("XXX"))[:3])


def check_letter(text):
    return chr(65 + sum((ODD if n % 2 == 0 else EVEN)[c] for n, c in enumerate(text)) % 26)


def codice_fiscale(cognome, nome, born: date, place="X912", woman=False):
    code = letters(cognome, False) + letters(nome, True) + f"{born.year % 100:02}" + "ABCDEHLMPRST"[born.month - 1]
    code += f"{born.day + (40 if woman else 0):02}" + place
    return code + check_letter(code)


def partita_iva(ten):
    total = sum(d if n % 2 == 0 else (2 * d - 9 if d > 4 else 2 * d) for n, d in enumerate(map(int, ten)))
    return ten + str(-total % 10)


def iban(abi, cab, account):
    body = abi + cab + account
    bban = check_letter(body) + body
    number = int("".join(str(int(c, 36)) for c in bban + "IT00"))
    return f"IT{98 - number % 97:02}{bban}"


def cig(letter, number):
    """Letter and six hexadecimal digits, then three of check (the current kind)."""
    return f"{letter}{number}{(int(number, 16) + ord(letter) - 64) * 211 % 4091:03X}"
