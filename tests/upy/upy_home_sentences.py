"""What sentences mean: English and Mandarin, near misses, nonsense and hostile ones.

The parser is a pure function, so each sentence is one line: what is said, what is understood.
"""

import asyncio
import gc
import json
import random
import sys

from fakes import house

from speaker.home import words
from speaker.home.intents import understand
from speaker.home.meaning import Problem
from speaker.home.targets import distance
from speaker.home.text import boundaries, fold
from speaker.home.words import Words

FOLDER = "/words" if sys.platform == "esp32" else "firmware/words"

K, B, C, T = "kitchen lamp", "bedside lamp", "ceiling lamp", "床头灯"
COFFEE, FAN, AC, HEAT = "coffee machine", "tower fan", "air conditioner", "bathroom heater"
CURTAIN, METER, DOOR = "curtain", "thermometer", "front door"
LAMPS = (K, B, C, T)
SWITCHED = LAMPS + (COFFEE, FAN, AC, HEAT, CURTAIN)

# What is said -> (action, devices, what else).
UNDERSTOOD = (
    ("turn on the kitchen lamp", "on", (K,)),
    ("Turn ON the Kitchen Lamp!", "on", (K,)),
    ("turn the kitchen lamp on", "on", (K,)),
    ("kitchen lamp on", "on", (K,)),
    ("switch on the kitchen lamp please", "on", (K,)),
    ("please could you switch the kitchen lamp on for me", "on", (K,)),
    ("can you turn on the kitchen lamp?", "on", (K,)),
    ("I'd like the kitchen lamp on", "on", (K,)),
    ("hey mynah, turn on the kitchen lamp, thanks", "on", (K,)),
    ("turn off the coffee machine", "off", (COFFEE,)),
    ("turn the coffee machine off now", "off", (COFFEE,)),
    ("kill the coffee machine", "off", (COFFEE,)),
    ("shut down the tower fan", "off", (FAN,)),
    ("start the fan", "on", (FAN,)),
    ("stop the fan", "stop", (FAN,)),
    ("stop the curtain", "stop", (CURTAIN,)),
    ("turn on the fan", "on", (FAN,)),
    ("turn off the ac", "off", (AC,)),
    ("turn off the air-conditioner", "off", (AC,)),
    ("turn on the heater", "on", (HEAT,)),
    ("turn on the bedside light", "on", (B,)),
    ("turn on the light by the bedside", "on", (B,)),
    ("turn on the lamp in the kitchen", "on", (K,)),
    ("kitchen light off", "off", (K,)),
    ("turn off the lights in the bedroom", "off", (B, T)),
    ("turn off the bedroom lights", "off", (B, T)),
    ("turn off all the lights", "off", LAMPS),
    ("all lights off", "off", LAMPS),
    ("lights out", "off", LAMPS),
    ("turn on every lamp", "on", LAMPS),
    ("turn off the kitchen", "off", (K, COFFEE)),
    ("turn off everything in the kitchen", "off", (K, COFFEE)),
    ("turn off everything", "off", SWITCHED),
    ("turn off everything except the coffee machine", "off", LAMPS + (FAN, AC, HEAT, CURTAIN)),
    ("turn off all lights except the bedside lamp", "off", (K, C, T)),
    ("turn off all lights but not the bedroom", "off", (K, C)),
    ("except for the kitchen lamp turn off all the lights", "off", (B, C, T)),
    ("turn on the kitchen lamp and the fan", "on", (K, FAN)),
    ("turn off the kitchen lamp, the ceiling lamp and the coffee machine", "off", (K, C, COFFEE)),
    ("turn on the coffee machine and the kitchen lamp", "on", (COFFEE, K)),
    ("turn off the lamp on the ceiling", "off", (C,)),
    ("open the curtain", "open", (CURTAIN,)),
    ("close the blinds", "close", (CURTAIN,)),
    ("turn on the curtain", "on", (CURTAIN,)),
    ("unlock the front door", "open", (DOOR,)),
    ("lock the front door", "close", (DOOR,)),
    ("set the bedside lamp to 50 percent", "set", (B,), {"percent": 50}),
    ("set the bedside lamp to 50%", "set", (B,), {"percent": 50}),
    ("bedside lamp 50 %", "set", (B,), {"percent": 50}),
    ("set the bedside lamp to fifty per cent", "set", (B,), {"percent": 50}),
    ("set the bedside lamp to twenty-five percent", "set", (B,), {"percent": 25}),
    ("dim the bedside lamp to 30", "set", (B,), {"number": 30}),
    ("dim the bedside lamp by 30 percent", "set", (B,), {"step": "-brightness 30"}),
    ("turn the heater up 2 degrees", "set", (HEAT,), {"step": "+ 2"}),
    ("turn the heater up to 22 degrees", "set", (HEAT,), {"degrees": 22}),
    ("set the brightness of the bedside lamp to 30", "set", (B,), {"number": 30}),
    ("bedside lamp brightness one hundred", "set", (B,), {"number": 100}),
    ("turn on the bedside lamp at half", "on", (B,), {"percent": 50}),
    ("turn the bedside lamp on to 10 percent", "on", (B,), {"percent": 10}),
    ("set the kitchen lamp to maximum", "set", (K,), {"end": "max"}),
    ("kitchen lamp full brightness", "set", (K,), {"end": "max"}),
    ("kitchen lamp minimum brightness", "set", (K,), {"end": "min"}),
    ("make the bedside lamp brighter", "set", (B,), {"step": "+brightness"}),
    ("make the bedside lamp a bit brighter", "set", (B,), {"step": "+brightness small"}),
    ("dim the bedside lamp", "set", (B,), {"step": "-brightness"}),
    ("bedside lamp a lot darker", "set", (B,), {"step": "-brightness large"}),
    ("turn up the bedside lamp", "set", (B,), {"step": "+"}),
    ("turn down the fan", "set", (FAN,), {"step": "-"}),
    ("turn the fan down a little", "set", (FAN,), {"step": "- small"}),
    ("faster fan", "set", (FAN,), {"step": "+fan-level"}),
    ("raise the brightness of the ceiling lamp", "set", (C,), {"step": "+"}),
    ("make the kitchen lamp red", "set", (K,), {"colour": "#ff0000"}),
    ("turn the kitchen lamp blue", "set", (K,), {"colour": "#0000ff"}),
    ("change the colour of the kitchen lamp to purple", "set", (K,), {"colour": "#8000ff"}),
    ("set the kitchen lamp's color to green", "set", (K,), {"colour": "#00ff00"}),
    ("red light in the kitchen", "set", (K,), {"colour": "#ff0000"}),
    ("kitchen lamp warm white", "set", (K,), {"kelvin": 2700}),
    ("set the kitchen lamp to daylight", "set", (K,), {"kelvin": 5000}),
    ("make the kitchen light cold", "set", (K,), {"kelvin": 6500}),
    ("set the bedside lamp to 4000 kelvin", "set", (B,), {"kelvin": 4000}),
    ("set the bedside lamp to 4000K", "set", (B,), {"kelvin": 4000}),
    ("bedside lamp three thousand five hundred kelvin", "set", (B,), {"kelvin": 3500}),
    ("make the bedside lamp warmer", "set", (B,), {"step": "warmer"}),
    ("set the kitchen lamp to party mode", "set", (K,), {"mode": "party"}),
    ("kitchen lamp night mode", "set", (K,), {"mode": "sleep"}),
    ("fan straight wind", "set", (FAN,), {"mode": "straight wind"}),
    ("set the air conditioner to 26 degrees", "set", (AC,), {"degrees": 26}),
    ("set the ac to twenty six and a half degrees", "set", (AC,), {"degrees": 26.5}),
    ("set the ac to twenty one point five", "set", (AC,), {"number": 21.5}),
    ("ac 26.5 °C", "set", (AC,), {"degrees": 26.5}),
    ("ac 26℃", "set", (AC,), {"degrees": 26}),
    ("set the temperature of the heater to 21", "set", (HEAT,), {"number": 21}),
    ("make it warmer in the bathroom", "set", (HEAT,), {"step": "warmer"}),
    ("make it cooler in the living room", "set", (AC,), {"step": "colder"}),
    ("set the air conditioner to heat", "set", (AC,), {"mode": "heat"}),
    ("air conditioner cooling", "set", (AC,), {"mode": "cool"}),
    ("set the ac to auto mode", "set", (AC,), {"mode": "auto"}),
    ("turn on the ac at 24 degrees", "on", (AC,), {"degrees": 24}),
    ("turn on the ac in cool mode at 24 degrees", "on", (AC,), {"degrees": 24, "mode": "cool"}),
    ("fan on high", "on", (FAN,), {"level": "high"}),
    ("set the fan to level 3", "set", (FAN,), {"level": 3}),
    ("set the fan to level three", "set", (FAN,), {"level": 3}),
    ("set the tower fan's speed to 2", "set", (FAN,), {"number": 2}),
    ("fan sleep mode", "set", (FAN,), {"mode": "sleep"}),
    ("set the curtain to 40 percent", "set", (CURTAIN,), {"percent": 40}),
    ("open the curtain halfway", "open", (CURTAIN,), {"percent": 50}),
    ("raise the blinds", "set", (CURTAIN,), {"step": "+"}),
    ("set all lights to 20 percent", "set", LAMPS, {"percent": 20}),
    ("dim all the lights", "set", LAMPS, {"step": "-brightness"}),
    ("is the kitchen lamp on", "ask", (K,), {"asked": "on"}),
    ("is the kitchen lamp off?", "ask", (K,), {"asked": "off"}),
    ("are the lights on", "ask", LAMPS, {"asked": "on"}),
    ("is the front door locked", "ask", (DOOR,), {"role": "locked"}),
    ("is the curtain open", "ask", (CURTAIN,), {"asked": "open"}),
    ("how bright is the kitchen lamp", "ask", (K,), {"role": "brightness"}),
    ("what is the temperature in the bedroom", "ask", (METER,), {"role": "temperature"}),
    ("what's the bedroom's temperature", "ask", (METER,), {"role": "temperature"}),
    ("how warm is it in the bathroom", "ask", (HEAT,), {"role": "temperature"}),
    ("what is the humidity", "ask", (METER,), {"role": "humidity"}),
    ("bedroom humidity", "ask", (METER,), {"role": "humidity"}),
    ("status of the fan", "ask", (FAN,)),
    ("which lamps are on", "ask", LAMPS, {"asked": "on"}),
    ("is any lamp on in the bedroom", "ask", (B, T), {"asked": "on"}),
    ("what is the temperature", "ask", (AC, HEAT, METER), {"role": "temperature"}),
    ("light up the bedroom", "on", (B, T)),
    ("bedroom 50 percent", "set", (B, T), {"percent": 50}),
    ("set the fan speed to 2", "set", (FAN,), {"number": 2}),
    ("turn on the front door's lock", "on", (DOOR,)),
    ("open the tower fan fan", "open", (FAN,)),
    ("how much power does the coffee machine draw", "ask", (COFFEE,), {"role": "power"}),
    ("打开厨房的灯", "on", (K,)),
    ("打开厨房灯", "on", (K,)),
    ("请帮我打开厨房的灯。", "on", (K,)),
    ("把厨房的灯打开", "on", (K,)),
    ("厨房的灯开一下", "on", (K,)),
    ("能打开厨房的灯吗", "on", (K,)),
    ("開廚房的燈", "on", (K,)),
    ("关掉厨房的灯", "off", (K,)),
    ("关闭厨房灯", "off", (K,)),
    ("把厨房的灯关了", "off", (K,)),
    ("打开床头灯", "on", (T,)),
    ("打开床头的灯", "on", (T,)),
    ("关掉所有的灯", "off", LAMPS),
    ("把灯都关了", "off", LAMPS),
    ("把所有的灯都关掉", "off", LAMPS),
    ("关掉卧室的灯", "off", (B, T)),
    ("打开卧室的风扇", "on", (FAN,)),
    ("打开电风扇", "on", (FAN,)),
    ("除了厨房的灯以外把灯都关掉", "off", (B, C, T)),
    ("关掉所有的灯除了床头灯", "off", (K, B, C)),
    ("全部关掉", "off", SWITCHED),
    ("把客厅的灯调到百分之五十", "set", (C,), {"percent": 50}),
    ("客厅的灯调到50%", "set", (C,), {"percent": 50}),
    ("客厅的灯５０％", "set", (C,), {"percent": 50}),
    ("把床头灯的亮度调到三十", "set", (T,), {"number": 30}),
    ("床头灯最亮", "set", (T,), {"end": "max"}),
    ("床头灯调暗一点", "set", (T,), {"step": "-brightness small"}),
    ("床头灯亮一点", "set", (T,), {"step": "+brightness"}),
    ("把厨房的灯调成红色", "set", (K,), {"colour": "#ff0000"}),
    ("厨房的灯变蓝", "set", (K,), {"colour": "#0000ff"}),
    ("厨房的灯暖光", "set", (K,), {"kelvin": 2700}),
    ("床头灯色温两千七", "set", (T,), {"number": 2700}),
    ("空调二十六度", "set", (AC,), {"degrees": 26}),
    ("空调调到二十六度半", "set", (AC,), {"degrees": 26.5}),
    ("空调二十六点五度", "set", (AC,), {"degrees": 26.5}),
    ("空调调高两度", "set", (AC,), {"step": "+ 2"}),
    ("空调调高到二十八度", "set", (AC,), {"degrees": 28}),
    ("空调升到二十八度", "set", (AC,), {"degrees": 28}),
    ("空调26.5度", "set", (AC,), {"degrees": 26.5}),
    ("把空调打开二十四度", "on", (AC,), {"degrees": 24}),
    ("空调制热模式", "set", (AC,), {"mode": "heat"}),
    ("空调调到自动", "set", (AC,), {"mode": "auto"}),
    ("浴室的暖气暖一点", "set", (HEAT,), {"step": "warmer"}),
    ("风扇三档", "set", (FAN,), {"level": 3}),
    ("风扇调到最大", "set", (FAN,), {"end": "max"}),
    ("风扇高速", "set", (FAN,), {"level": "high"}),
    ("拉开窗帘", "open", (CURTAIN,)),
    ("关上窗帘", "off", (CURTAIN,)),
    ("窗帘打开一半", "on", (CURTAIN,), {"percent": 50}),
    ("停止窗帘", "stop", (CURTAIN,)),
    ("卧室的温度是多少", "ask", (METER,), {"role": "temperature"}),
    ("现在多少度", "ask", (AC, HEAT, METER), {"role": "temperature"}),
    ("哪些灯开着", "ask", LAMPS, {"asked": "on"}),
    ("卧室湿度", "ask", (METER,), {"role": "humidity"}),
    ("厨房的灯开着吗", "ask", (K,), {"asked": "on"}),
    ("厨房的灯亮着吗", "ask", (K,), {"asked": "on"}),
    ("厨房的灯关了吗", "ask", (K,), {"asked": "off"}),
    ("门锁锁好了吗", "ask", (DOOR,), {"role": "locked"}),
    ("打开kitchen lamp", "on", (K,)),
)

# What is said -> (why nothing is done, candidates that must be there).
NOT_DONE = (
    ("", "empty", ()),
    (" \n\t ", "empty", ()),
    ("?!...", "empty", ()),
    ("\x00\x01\x02\x1b[2J", "unknown", ()),
    ("x" * 10_000, "long", ()),
    ("打" * 10_000, "long", ()),
    ("turn on " * 1500, "long", ()),
    ("please", "empty", ()),
    ("the the the", "empty", ()),
    ("turn on", "which", (K,)),
    ("turn on the lamp", "which", LAMPS),
    ("打开灯", "which", LAMPS),
    ("关灯", "which", LAMPS),
    ("brighter", "which", LAMPS),
    ("turn on the bedside lamp in the kitchen", "none-there", (B,)),
    ("turn on the plug in the bathroom", "none-there", ()),
    ("turn off the lights in the kitchen and the fan", "none-there", ()),
    ("turn off the lights here", "here", ()),
    ("turn off all the lights in this room", "here", ()),
    ("把这里的灯关掉", "here", ()),
    ("turn on the kitchn lamp", "unknown", (K,)),
    ("turn on the ktichen lamp", "unknown", (K,)),
    ("turn on the bedsied lamp", "unknown", (B,)),
    ("turn on the coffe machine", "unknown", (COFFEE,)),
    ("turn on the coffee maker", "unknown", (COFFEE,)),
    ("turn on the attic lamp", "unknown", (K, B)),
    ("turn on the toaster", "unknown", ()),
    ("打开床边灯", "unknown", (T,)),
    ("打开电视", "unknown", ()),
    ("turn on the kitchen lamp tomorrow", "unknown", ()),
    ("turn on the kitchen lamp in ten minutes", "unknown", ()),
    ("ten minutes", "unknown", ()),
    ("turn off everything except the fridge", "unknown", ()),
    ("turn off everything except", "two", ()),
    ("turn off the small kitchen lamp", "unknown", ()),
    ("don't turn on the kitchen lamp", "not", ()),
    ("do not turn off the kitchen lamp", "not", ()),
    ("never turn on the kitchen lamp", "not", ()),
    ("turn on the kitchen lamp if it is dark", "not", ()),
    ("turn off the kitchen lamp when I leave", "not", ()),
    ("不要打开厨房的灯", "not", ()),
    ("别关灯", "not", ()),
    ("十分钟后关灯", "not", ()),
    ("turn on and turn off the kitchen lamp", "two", ()),
    ("turn on the kitchen lamp and turn off the fan", "two", ()),
    ("打开厨房的灯关掉风扇", "two", ()),
    ("make the kitchen lamp red and blue", "two", ()),
    ("set the kitchen lamp to 20 percent 30 percent", "two", ()),
    ("turn off the kitchen lamp to red", "two", ()),
    ("set the kitchen lamp", "no-value", ()),
    ("kitchen lamp", "no-action", ()),
    ("厨房的灯", "no-action", ()),
    ("sing me a song", "unknown", ()),
    ("what time is it", "unknown", ()),
    ("lorem ipsum dolor sit amet", "unknown", ()),
    ("'; DROP TABLE devices; --", "unknown", ()),
    ("${jndi:ldap://x}", "unknown", ()),
    ("%s%s%s%n {} {0.__class__}", "unknown", ()),
    ("../../settings.a", "unknown", ()),
    ("mynah.home.remove kitchen lamp", "no-action", ()),
    ('{"text":"turn on"}', "unknown", ()),
    ("кухня свет", "unknown", ()),
    ("999999999999999999999999999999", "which", ()),
    ("1 2 3 4 5", "two", ()),
    ("half", "which", ()),
    ("percent", "unknown", ()),
    ("一", "which", ()),
    ("点点点", "unknown", ()),
)


def load():
    found = asyncio.run(words.load(FOLDER))
    asyncio.new_event_loop()
    return found


VOCABULARY = load()
HOUSE = house.devices()


def told(text):
    found = understand(text, HOUSE, VOCABULARY)
    if isinstance(found, Problem):
        return "problem %s %r %s" % (found.what, found.text, found.candidates)
    return found.describe()


def test_sentences_that_are_understood():
    wrong = []
    for entry in UNDERSTOOD:
        text, action, names = entry[:3]
        more = entry[3:]
        found = understand(text, HOUSE, VOCABULARY)
        if isinstance(found, Problem):
            wrong.append((text, told(text)))
            continue
        described = found.describe()
        described.pop("more", None)
        meant = [device.name for device in found.devices]
        good = described["action"] == action and sorted(meant) == sorted(names)
        for key, value in (more[0] if more else {}).items():
            good = good and described.get(key) == value
        if more:
            extra = set(described) - {"action", "devices", "role", "asked"} - set(more[0])
            good = good and not extra
        else:
            good = good and not found.values
        if not good:
            wrong.append((text, described))
    assert not wrong, "\n".join(["%s => %s" % each for each in wrong])


def test_sentences_that_do_nothing_and_why():
    wrong = []
    for text, what, candidates in NOT_DONE:
        found = understand(text, HOUSE, VOCABULARY)
        good = isinstance(found, Problem) and found.what == what
        if not good or not set(candidates) <= set(found.candidates):
            wrong.append((text[:60], told(text)))
    assert not wrong, "\n".join(["%s => %s" % each for each in wrong])


def test_there_are_enough_of_both():
    han = [entry for entry in UNDERSTOOD if max(entry[0]) > "\u2e80"]
    assert len(UNDERSTOOD) + len(NOT_DONE) >= 200 and len(han) >= 40, len(han)


def test_texts_are_folded():
    for text, folded in (
        ("Turn ON the kitchen-lamp!!", "turn on the kitchen lamp"),
        ("２６．５℃", "26.5\xb0c"),
        ("26.5. 3", "26.5 3"),
        ("-5 a-5 5-5", "-5 a 5 5 5"),
        ("ÄÖÜß Ёлка ΩΣ Łódź", "äöüß ёлка ωσ łódź"),
        ("it\u2019s 50%", "it's 50%"),
        ("a\nb\x00c\x1b😀✓、。，", "a b c"),
        ("打开 厨房的灯。", "打开 厨房的灯"),
    ):
        assert fold(text) == folded, (text, fold(text))
        assert fold(folded) == folded
    assert bytes(boundaries("a bc4000k打开")) == bytes([1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1])


def test_distance():
    for one, other, far in (
        ("kitchen", "kitchen", 0),
        ("kitchn", "kitchen", 1),
        ("ktichen", "kitchen", 1),
        ("bedsied", "bedside", 1),
        ("kitten", "kitchen", 2),
        ("", "ab", 2),
        ("abcdef", "uvwxyz", 3),
    ):
        assert distance(one, other, 2) == distance(other, one, 2) == far, (one, other)


KINDS = (
    "do maybe verb type types room all which here except except-end role colour kelvin mode"
    " level percent end step size unit number times point half to not filler say"
).split()


def lines(language):
    with open("%s/%s.txt" % (FOLDER, language)) as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                head, _, tail = line.partition(":")
                yield head, [phrase.strip() for phrase in tail.split("|")]


def test_the_data_files_are_well_formed():
    seen = {}
    said = {"en": {}, "zh": {}}
    for language, sayings in said.items():
        for head, phrases in lines(language):
            kind, _, value = head.partition(" ")
            assert kind in KINDS, head
            if kind == "say":
                sayings[value] = [phrase.count("{}") for phrase in phrases]
                continue
            for phrase in phrases:
                # What is loaded is not folded on the board, where that would take its time.
                assert phrase and fold(phrase) == phrase, (head, phrase)
                assert seen.get(phrase, head) == head, (phrase, head, seen[phrase])
                seen[phrase] = head
    assert set(said["en"]) == set(said["zh"])
    for what, counts in said["en"].items():
        if what != "and":
            assert set(counts) == set(said["zh"][what]), what
    assert len(seen) > 900, len(seen)


def test_every_phrase_is_found():
    for language in ("en", "zh"):
        for head, phrases in lines(language):
            kind, _, value = head.partition(" ")
            for phrase in phrases if kind != "say" else ():
                meaning = VOCABULARY.meaning(phrase)
                assert meaning and meaning[:2] == (kind, value.strip()), (phrase, meaning)
    for text in ("lampx", "xlamp", "", "厨", "lamp\t", "\n", "lamp\n"):
        assert VOCABULARY.meaning(text) is None, text


def test_lines_that_are_wrong_are_refused():
    for wrong in ("turn on", "do on:", "do on: "):
        try:
            Words().add("en", wrong)
        except ValueError:
            continue
        raise AssertionError(wrong)
    Words().add("en", "# anything")
    Words().add("en", "")


def test_no_heap_of_words_breaks_it():
    """Random sentences of known words, names, numbers and rubbish: always an outcome."""
    random.seed(20)
    pieces = [device.name for device in HOUSE] + ["7", "-3", "26.5", "1e9", "%", "'", "\x07", "é"]
    pieces += ["xyzzy", "打打", "{}", "\\", "0" * 40]
    for language in ("en", "zh"):
        for head, phrases in lines(language):
            if not head.startswith("say"):
                pieces += phrases[:2]
    outcomes = {"done": 0, "not": 0}
    for _ in range(1500):
        n = random.randrange(1, 9)
        text = random.choice((" ", "", ", ")).join([random.choice(pieces) for _ in range(n)])
        found = understand(text, HOUSE, VOCABULARY)
        if isinstance(found, Problem):
            assert VOCABULARY.said(found.language, found.what), (text, found.what)
        else:
            assert found.devices and found.action, text
        json.dumps(found.candidates if isinstance(found, Problem) else found.describe())
        outcomes["not" if isinstance(found, Problem) else "done"] += 1
    assert outcomes["done"] > 50 and outcomes["not"] > 500, outcomes


def test_understanding_leaves_nothing_behind():
    texts = [entry[0] for entry in UNDERSTOOD + NOT_DONE]
    for text in texts:
        understand(text, HOUSE, VOCABULARY)
    gc.collect()
    before = gc.mem_alloc()
    for _ in range(5):
        for text in texts:
            understand(text, HOUSE, VOCABULARY)
    gc.collect()
    assert gc.mem_alloc() - before < 1024, gc.mem_alloc() - before
