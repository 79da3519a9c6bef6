"""Who is in the demo's school: invented people with identifiers of valid form. No real school has LA number 999."""

# ruff: noqa: SIM905 - lists of names read best as text

from datetime import date, timedelta
from random import Random

Row = dict[str, str]

_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"

GIRLS = (
    "Aaliyah Abigail Aisha Alice Amelia Amina Ava Beatrice Bethan Chiamaka Chloe Daisy Eleanor Ella Emily Erin Eva "
    "Evie Fatima Florence Freya Grace Hannah Harriet Imogen Isla Ivy Jasmine Jessica Khadija Leah Lily Lucy Maisie "
    "Maryam Matilda Megan Mia Millie Natalia Niamh Olivia Phoebe Poppy Priya Rosie Ruby Saoirse Siân Simran Sofia "
    "Sophie Willow Xin Zainab Zofia Zoë"
).split()
BOYS = (
    "Aarav Adam Alexander Alfie Archie Arjun Arthur Benjamin Callum Charlie Daniel Dylan Edward Elijah Ethan Finley "
    "Finn Freddie Gabriel George Harry Hamza Harvey Henry Ibrahim Isaac Jack Jacob James Jaxon Joshua Kai Kofi Leo "
    "Lewis Liam Logan Louie Łukasz Mateusz Max Muhammad Noah Oliver Oscar Owain Reuben Rhys Riley Ryan Samuel Seán "
    "Sebastian Tariq Theo Thomas Toby Tunde William Yusuf Zachary"
).split()
SURNAMES = (
    "Adeyemi|Ahmed|Akhtar|Ali|Anderson|Bailey|Baker|Begum|Bell|Bennett|Brown|Campbell|Carter|Chaudhry|Chen|Clark|"
    "Clarke|Collins|Cook|Cooper|Cox|Davies|Davis|Edwards|Evans|Fernández|Fletcher|Ghosh|Graham|Gray|Green|Griffiths|"
    "Hall|Harris|Harrison|Hill|Hughes|Hussain|Jackson|James|Johnson|Jones|Kaur|Kelly|Khan|King|Kowalska|Lee|Lewis|"
    "MacDonald|Malik|Marshall|Martin|Mensah|Miller|Mitchell|Moore|Morgan|Morris|Murphy|Nguyen|Nowak|O'Brien|O'Neill|"
    "Okafor|Owen|Parker|Patel|Phillips|Popescu|Price|Rahman|Richardson|Roberts|Robinson|Rogers|Scott|Shah|Shaw|"
    "Simpson|Singh|Smith|Smith-Jones|Stewart|Taylor|Thomas|Thompson|Turner|Walker|Ward|Watson|White|Williams|Wilson|"
    "Wood|Wright|Young|Żak"
).split("|")
_STREETS = "Abbey Close|Church Lane|Fern Road|Garth Street|High Street|Mill Hill|Park Avenue|Station Road".split("|")
_ETHNICITIES = ("WBRI", "WBRI", "WBRI", "WBRI", "WOTH", "APKN", "AIND", "ABAN", "BAFR", "BCRB", "MWBC", "CHNE", "OOTH")


def upn(la: int, school: int, year: int, serial: int) -> str:
    """A permanent UPN: check letter, LA (3), school (4), year of allocation (2 digits) and serial number (3)."""
    digits = f"{la:03}{school:04}{year % 100:02}{serial:03}"
    return _LETTERS[sum(weight * int(digit) for weight, digit in enumerate(digits, 2)) % 23] + digits


def uln(number: int) -> str:
    """The first ULN from `number` (nine digits) on whose check digit exists: ten digits, sum mod 11 is 10."""
    while True:
        rest = sum(weight * int(digit) for weight, digit in zip(range(10, 1, -1), str(number), strict=True))
        check = (10 - rest) % 11
        if check < 10:
            return f"{number}{check}"
        number += 1


def pupil(rng: Random, number: int, year_group: int, admitted: date, number_from: tuple[int, int]) -> Row:
    """Row of pupils.csv for admission number `number`; the UPN is of the school (LA, school) `number_from`."""
    girl = rng.random() < 0.5
    forename = rng.choice(GIRLS if girl else BOYS)
    born = date(2026 - year_group - 5, 9, 1) + timedelta(days=rng.randrange(365))
    surname = rng.choice(SURNAMES)
    return {
        "Admission No": f"{number:06}",
        "UPN": upn(*number_from, born.year + 5, number % 1000),
        "ULN": uln(700_000_000 + 37 * number) if year_group >= 9 else "",
        "Legal Surname": surname,
        "Legal Forename": forename,
        "Preferred Forename": forename[:3] if rng.random() < 0.05 else forename,
        "Sex": "F" if girl else "M",
        "Date of Birth": born.isoformat(),
        "Year Group": str(year_group),
        "Reg Group": f"{year_group}{rng.choice('AB')}",
        "Status": "C",
        "Admission Date": admitted.isoformat(),
        "Leaving Date": "",
        "SEN Status": rng.choices("NKE", (82, 14, 4))[0],
        "FSM": rng.choices("FT", (75, 25))[0],
        "Ethnicity": rng.choice(_ETHNICITIES),
        "Address": f"{rng.randrange(1, 120)} {rng.choice(_STREETS)}",
        "Postcode": f"ZZ99 {rng.randrange(1, 10)}{rng.choice('ABD')}{rng.choice('EFG')}",
    }


def contacts(rng: Random, child: Row) -> list[Row]:
    """One to three rows of contacts.csv. Telephone numbers are of Ofcom's range for drama."""
    rows = []
    for priority in range(1, rng.choice((2, 3, 3, 3, 4))):
        mother = (priority == 1) == (rng.random() < 0.8)
        forename = rng.choice(GIRLS if mother else BOYS)
        surname = child["Legal Surname"] if rng.random() < 0.7 else rng.choice(SURNAMES)
        relation = ("MOT" if mother else "FAT") if priority < 3 else "GRP"
        rows.append(
            {
                "UPN": child["UPN"],
                "Priority": str(priority),
                "Relationship": relation,
                "Parental Responsibility": "F" if relation == "GRP" else "T",
                "Surname": surname,
                "Forename": forename,
                "Mobile": f"07700 900{rng.randrange(1000):03}",
                "Email": f"contact{child['Admission No']}.{priority}@example.org",
                "Address": child["Address"],
            }
        )
    return rows


_CONDITIONS = (
    ("Asthma", "", "Salbutamol inhaler, in the office", "Inhaler, then call home"),
    ("Nut allergy", "Peanuts, tree nuts", "Adrenaline pen, in the office and with the pupil", "Pen, then 999"),
    ("Epilepsy", "", "Buccal midazolam, in the office", "Time it; 999 after five minutes"),
    ("Type 1 diabetes", "", "Insulin, carried", "Glucose gel, then call home"),
    ("Hay fever", "Pollen", "", ""),
)


def medical(rng: Random, pupils: list[Row]) -> list[Row]:
    """Rows of medical.csv, for about one pupil in eight."""
    told = sorted(rng.sample(range(len(pupils)), len(pupils) // 8))
    return [
        dict(zip(("UPN", "Condition", "Allergies", "Medication", "Action"), cells, strict=True))
        for cells in ((pupils[at]["UPN"], *rng.choice(_CONDITIONS)) for at in told)
    ]


def staff(rng: Random, count: int, subjects: list[str]) -> list[Row]:
    """Rows of staff.csv."""
    rows = []
    for number in range(1, count + 1):
        woman = rng.random() < 0.65
        rows.append(
            {
                "Staff Code": f"S{number:02}",
                "Title": "Ms" if woman else "Mr",
                "Surname": rng.choice(SURNAMES),
                "Forename": rng.choice(GIRLS if woman else BOYS),
                "Role": "Teacher" if number > 4 else ("Head", "Deputy Head", "SENCo", "Business Manager")[number - 1],
                "Subject": subjects[number % len(subjects)] if number > 4 else "",
                "Start Date": f"{rng.randrange(2005, 2026)}-09-01",
            }
        )
    return rows
