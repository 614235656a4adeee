"""Invented people and streets. No real person's data: given and family names are drawn apart and put together by chance."""

from random import Random

# Pairs that belong together in one way of writing: a name in Tamil script has both its parts in it.
_WRITINGS: tuple[tuple[int, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        46,
        (
            "Amara",
            "Bethan",
            "Callum",
            "Dorothy",
            "Edwin",
            "Fiona",
            "Gareth",
            "Hannah",
            "Ivor",
            "Josie",
            "Keith",
            "Lorna",
            "Marcus",
            "Nadine",
            "Oliver",
            "Priya",
            "Quentin",
            "Rosalind",
            "Samuel",
            "Tamsin",
            "Umar",
            "Violet",
            "Winston",
            "Yasmin",
            "Zachary",
        ),
        (
            "Abbott",
            "Blackwood",
            "Chowdhury",
            "Dunmore",
            "Ellery",
            "Fairweather",
            "Greenhalgh",
            "Harcastle",
            "Iqbal",
            "Jessop",
            "Kirkbride",
            "Lomax",
            "Mensah",
            "Nethercott",
            "Okonjo",
            "Pemberton",
            "Quayle",
            "Ridgeway",
            "Sandhu",
            "Threlfall",
            "Underhill",
            "Venables",
            "Whitlock",
            "Yardley",
        ),
    ),
    (8, ("Małgorzata", "Łukasz", "Agnieszka", "Zbigniew", "Żaneta"), ("Wiśniewska", "Dąbrowski", "Żurawska", "Krawczyk", "Ślusarz")),
    (5, ("Chukwuẹmeka", "Olúwaṣeun", "Ẹniọlá", "Ngọzi"), ("Adéyẹmí", "Ọláwálé", "Nwọkọcha", "Ìdòwú")),
    (5, ("Nguyệt", "Thuỳ", "Đức", "Phương"), ("Nguyễn", "Trần", "Phạm", "Đặng")),
    (4, ("Siân", "Llŷr", "Gwenllïan"), ("Ap Ioân", "Tŷ Gwyn", "Môn")),
    (4, ("José", "Conceição", "Núria", "Íñigo"), ("Gonçalves", "Peñalver", "Ibáñez", "Araújo")),
    (4, ("Ayşe", "Gökhan", "İpek"), ("Yıldız", "Çağlar", "Öztürk")),
    (3, ("Ελένη", "Γιώργος", "Μαρία"), ("Παπαδοπούλου", "Νικολάου", "Γεωργίου")),
    (4, ("Олена", "Тарас", "Надія", "Богдан"), ("Ковальчук", "Шевченко", "Бондаренко", "Мельник")),
    (3, ("فاطمة", "أحمد", "ليلى"), ("الحسن", "منصور", "العلي")),
    (2, ("מרים", "יוסף"), ("לוי", "אבוטבול")),
    (3, ("अनिता", "राजेश", "सुनीता"), ("शर्मा", "गुप्ता", "पाटिल")),
    (3, ("রহিমা", "করিম", "শিউলি"), ("বেগম", "হোসেন", "চৌধুরী")),
    (2, ("ਗੁਰਪ੍ਰੀਤ", "ਹਰਜੀਤ"), ("ਸਿੰਘ", "ਕੌਰ")),
    (2, ("கவிதா", "முருகன்"), ("செல்வராஜ்", "சுப்பிரமணியம்")),
    (3, ("美玲", "志強", "雅婷"), ("陳", "黃", "林")),
    (1, ("陽子", "健太"), ("佐藤", "高橋")),
    (1, ("지은", "민수"), ("김", "박")),
    (1, ("สมชาย", "มาลี"), ("ใจดี", "ศรีสุข")),
    (2, ("ሰላም", "ተስፋዬ"), ("ገብረማርያም", "ኃይሌ")),
)

_LATIN = {
    "فاطمة": "Fatima", "أحمد": "Ahmed", "ليلى": "Layla", "الحسن": "Al-Hassan", "منصور": "Mansour", "العلي": "Al-Ali",
    "מרים": "Miriam", "יוסף": "Yosef", "לוי": "Levy", "אבוטבול": "Abutbul",
    "अनिता": "Anita", "राजेश": "Rajesh", "सुनीता": "Sunita", "शर्मा": "Sharma", "गुप्ता": "Gupta", "पाटिल": "Patil",
    "রহিমা": "Rahima", "করিম": "Karim", "শিউলি": "Shiuli", "বেগম": "Begum", "হোসেন": "Hossain", "চৌধুরী": "Chowdhury",
    "ਗੁਰਪ੍ਰੀਤ": "Gurpreet", "ਹਰਜੀਤ": "Harjit", "ਸਿੰਘ": "Singh", "ਕੌਰ": "Kaur",
    "கவிதா": "Kavitha", "முருகன்": "Murugan", "செல்வராஜ்": "Selvaraj", "சுப்பிரமணியம்": "Subramaniam",
    "美玲": "Mei-ling", "志強": "Chi-keung", "雅婷": "Ya-ting", "陳": "Chan", "黃": "Wong", "林": "Lam",
    "陽子": "Yoko", "健太": "Kenta", "佐藤": "Sato", "高橋": "Takahashi",
    "지은": "Ji-eun", "민수": "Min-su", "김": "Kim", "박": "Park",
    "สมชาย": "Somchai", "มาลี": "Malee", "ใจดี": "Jaidee", "ศรีสุข": "Srisuk",
    "ሰላም": "Selam", "ተስፋዬ": "Tesfaye", "ገብረማርያም": "Gebremariam", "ኃይሌ": "Haile",
}  # fmt: skip
"""How people spell their names in Latin letters where that does not follow from the letters alone."""

_STREETS = (
    "Elm Rise",
    "Mill Lane",
    "Harvest Way",
    "Kestrel Close",
    "Rowan Court",
    "Foundry Road",
    "Linden Walk",
    "Orchard Mead",
    "Tanner Street",
    "Watling Gardens",
    "Bramble Drive",
    "Saddlers Yard",
)


def person(chance: Random) -> str:
    """A whole name, in one of twenty ways of writing."""
    weights = [weight for weight, _, _ in _WRITINGS]
    _, given, family = chance.choices(_WRITINGS, weights)[0]
    return f"{chance.choice(given)} {chance.choice(family)}"


def latin(name: str) -> str | None:
    """The name as its bearer spells it in Latin letters; None where that follows from how it is written."""
    words = name.split()
    return " ".join(_LATIN.get(word, word) for word in words) if any(word in _LATIN for word in words) else None


def address(number: int) -> tuple[str, str]:
    """The number-th home: a line with its town, and a postcode of an area that Royal Mail does not use."""
    street = _STREETS[number % len(_STREETS)]
    return f"{number // len(_STREETS) + 1} {street}, Rentbridge", f"ZZ{number % len(_STREETS) + 1} {number % 9 + 1}AB"
