"""Make the articles of this example: `python make_data.py` writes s3/newsroom/articles/*.csv, the same each time.

No newspaper wrote them. Five sections share most of their words, some sentences wander in from another section, and
a few articles carry the wrong label, as in real data; so a good model is right about nine times in ten, and not always.
"""

import csv
import datetime
import random
from pathlib import Path

SEED = 20250101
ARTICLES = 1500  # per file
WRONG_LABELS = 0.03
FOREIGN_SENTENCES = 0.11  # taken from another section's phrases
PLAIN_SENTENCES = 0.36  # say nothing of any section
FILES = {"2025-spring.csv": datetime.date(2025, 3, 1), "2025-autumn.csv": datetime.date(2025, 9, 1)}

PLACES = "Avaria Belmora Corvale Dunmarch Estwick Farholm Grenland Hollowmere Istrand Jorvena Kestrel Lowmark".split()
NAMES = "Aho Bakker Cruz Diallo Eriksen Fontaine Garcia Haddad Ito Jansen Kovacs Laine Moreau Novak Okafor".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
AMOUNTS = ["two", "three", "five", "a dozen", "forty", "nearly a hundred", "several hundred", "thousands of"]

PHRASES = {
    "world": {
        "who": ["the president", "the foreign minister", "the ambassador", "border officials", "the opposition leader",
                "peace negotiators", "the parliament", "aid workers", "the coalition", "the prime minister"],
        "did": ["signed a treaty with", "called an election in", "reopened the border with", "imposed sanctions on",
                "agreed to a ceasefire with", "recalled the envoy from", "promised aid to", "held talks with"],
        "what": ["the summit", "the vote", "refugees", "the border", "the treaty", "diplomats", "the constitution",
                 "the protest", "the embassy", "a referendum", "the flood", "the election"],
    },
    "sport": {
        "who": ["the captain", "the coach", "the home side", "the goalkeeper", "the champion", "the young striker",
                "the national team", "the referee", "the club", "the defending champion"],
        "did": ["beat", "drew with", "lost the final to", "signed a player from", "scored twice against",
                "withdrew from the match with", "broke the record of", "won the derby against"],
        "what": ["the league", "the final", "the season", "an injury", "the penalty", "the title", "the match",
                 "the stadium", "the tournament", "the medal", "the transfer", "a red card"],
    },
    "business": {
        "who": ["the central bank", "the carmaker", "shareholders", "the chief executive", "the airline",
                "analysts", "the retailer", "the start-up", "the union", "the energy company"],
        "did": ["raised prices in", "announced a merger with a rival in", "cut jobs in", "reported profits in",
                "bought a factory in", "opened a branch in", "sued a supplier from", "invested heavily in"],
        "what": ["the shares", "inflation", "the quarter", "interest rates", "the deal", "the market", "revenue",
                 "the budget", "exports", "the forecast", "the strike", "the takeover"],
    },
    "science": {
        "who": ["researchers", "astronomers", "the laboratory", "a team of biologists", "the space agency",
                "physicists", "the clinic", "climate scientists", "engineers", "the professor"],
        "did": ["measured a signal over", "discovered a fossil in", "tested a vaccine in", "launched a probe from",
                "published a study of", "mapped the glaciers of", "sequenced samples from", "built a telescope in"],
        "what": ["the experiment", "the species", "the data", "the orbit", "the trial", "a particle", "the genome",
                 "the climate", "the study", "the telescope", "the sensor", "the climate record"],
    },
    "culture": {
        "who": ["the director", "the novelist", "the orchestra", "the gallery", "the actress", "the festival",
                "the band", "the museum", "the choreographer", "the publisher"],
        "did": ["opened an exhibition in", "premiered a film in", "recorded an album in", "won a prize in",
                "staged an opera in", "sold out a tour of", "restored a painting from", "set a novel in"],
        "what": ["the stage", "the audience", "the film", "the album", "critics", "the exhibition", "the script",
                 "the premiere", "the collection", "the sequel", "the award", "the opening night"],
    },
}
SECTIONS = list(PHRASES)

PLAIN = [
    "It was the news that everybody in {place} had been waiting for since {day}.",
    "{name} said on {day} that {amount} people had been involved.",
    "A decision is expected by {day}, a spokesperson told reporters.",
    "Nobody in {place} could say how long it would last.",
    "The record of the past year leaves room for doubt, {name} added.",
    "For {amount} families in {place} little will change.",
    "Both sides spoke of a fair result, and of hard work ahead.",
    "The team around {name} declined to comment.",
    "More details will be published on {day}.",
    "Support has grown in {place}, where {amount} supporters gathered.",
]
TOPICAL = [
    "{who} {did} {place}, {name} said on {day}.",
    "After {day} the talk in {place} was of {what} and of little else.",
    "{name} described {what} as the best answer {place} could give.",
    "{who} {did} {place} after {amount} days of waiting.",
    "What {what} means for {place} will be clear by {day}.",
    "{amount} people followed {what} in {place}.",
]
HEADLINES = ["{who} {did} {place}", "{place} waits for {what}", "{name}: {what} will decide", "New doubts over {what}"]


def fill(rng: random.Random, template: str, section: str) -> str:
    """One sentence from a template, in the words of a section."""
    words = {kind: rng.choice(choices) for kind, choices in PHRASES[section].items()}
    words |= {"place": rng.choice(PLACES), "name": rng.choice(NAMES), "day": rng.choice(DAYS)}
    words["amount"] = rng.choice(AMOUNTS)
    sentence = template.format(**words)
    return sentence[0].upper() + sentence[1:]


def sentence(rng: random.Random, section: str) -> str:
    """One sentence of an article; not each of them tells of its section."""
    luck = rng.random()
    if luck < PLAIN_SENTENCES:
        return fill(rng, rng.choice(PLAIN), section)
    foreign = luck < PLAIN_SENTENCES + FOREIGN_SENTENCES
    return fill(rng, rng.choice(TOPICAL), rng.choice(SECTIONS) if foreign else section)


def article(rng: random.Random, number: int, start: datetime.date) -> dict[str, object]:
    """One row. The label is wrong in a few of them."""
    section = rng.choice(SECTIONS)
    told = rng.random() < 0.6  # most of the headlines give the section away
    headline = fill(rng, rng.choice(HEADLINES), section if told else rng.choice(SECTIONS))
    text = " ".join(sentence(rng, section) for _ in range(rng.randint(3, 5)))
    label = rng.choice(SECTIONS) if rng.random() < WRONG_LABELS else section
    published = start + datetime.timedelta(days=rng.randrange(90))
    return {"id": number, "published": published.isoformat(), "headline": headline, "text": text, "section": label}


def main() -> None:
    rng = random.Random(SEED)
    folder = Path(__file__).parent / "s3" / "newsroom" / "articles"
    folder.mkdir(parents=True, exist_ok=True)
    number = 0
    for name, start in FILES.items():
        with open(folder / name, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["id", "published", "headline", "text", "section"], lineterminator="\n")
            writer.writeheader()
            for _ in range(ARTICLES):
                number += 1
                writer.writerow(article(rng, number, start))


if __name__ == "__main__":
    main()
