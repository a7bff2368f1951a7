"""What the speaker answers, from the templates of the data files."""

from speaker.home.meaning import Intent, Problem
from speaker.home.words import Words
from speaker.util.hints import Any

_DEFAULT = "en"
_UNITS = {
    "brightness": "percent",
    "position": "percent",
    "current-position": "percent",
    "fan-speed": "percent",
    "humidity": "percent",
    "target-humidity": "percent",
    "battery": "percent",
    "temperature": "degrees",
    "target-temperature": "degrees",
    "colour-temperature": "kelvin",
    "fan-level": "level",
}


class Speech:
    """Sentences in one language; what it lacks is said in English."""

    def __init__(self, words: Words, language: str) -> None:
        self._words = words
        self._language = language

    def problem(self, problem: Problem) -> str:
        """Why nothing is done, and who may have been meant."""
        names = problem.candidates
        if problem.what == "which":
            return self._say("which", 0, self._listed(names, "or"))
        text = self._say(problem.what, 0, problem.text)
        if names and problem.what in {"unknown", "none-there"}:
            text = self._joined([text, self._say("did-you-mean", 0, self._listed(names, "or"))])
        return text

    def results(self, intent: Intent, results: list) -> str:
        """What happened, the same for several devices said once."""
        groups: list = []  # (template, further arguments, names)
        for result in results:
            template, arguments = self._outcome(intent, result)
            for group in groups:
                if group[0] == template and group[1] == arguments:
                    group[2].append(result["name"])
                    break
            else:
                groups.append((template, arguments, [result["name"]]))
        said = []
        for template, arguments, names in groups:
            listed = self._listed(names, "and")
            said.append(self._say(template, len(names) > 1, listed, *arguments))
        return self._joined(said)

    def _outcome(self, intent: Intent, result: dict) -> tuple:
        """`(what is said, what goes in beside the names)`."""
        if not result["ok"]:
            return self._failure(result)
        if intent.action == "ask":
            values = result["values"]
            if not values:
                return "nothing-said", ()
            return "state", (self._values(values, len(values) > 1 or bool(intent.role)),)
        if intent.values:
            return "set", (self._values(result["values"], False),)
        if intent.role and result["values"]:  # "turn on the swing": not "the fan is on"
            return "set", (self._values(result["values"], True),)
        return intent.action, ()

    def _failure(self, result: dict) -> tuple:
        if "code" in result:
            return "refused", (str(result["code"]),)
        why = result["why"]
        if why.startswith("no "):
            return "no-role", (self._role(why[3:]),)
        if why.startswith("only "):
            return "range", (why[5:],)
        return why, ()

    def _values(self, values: list, named: bool) -> str:
        told = []
        for role, value in values:
            text = self._value(role, value)
            told.append("%s %s" % (self._role(role), text) if named else text)
        return ", ".join(told)

    def _value(self, role: str, value: Any) -> str:
        if isinstance(value, bool):
            word = "true" if value else "false"
            return self._find("%s-%s" % (word, role)) or self._say(word, 0)
        if role == "colour" and isinstance(value, int):
            return "#%06x" % value
        unit = _UNITS.get(role)
        if unit and isinstance(value, (int, float)):
            return self._say(unit, 0, "%g" % value)
        return str(value)

    def _role(self, role: str) -> str:
        return self._find("role " + role) or role.replace("-", " ")

    def _listed(self, names: list, last: str) -> str:
        """a, b and c."""
        if last == "and":
            comma, _, final = self._find("and").partition("|")
            final = final.strip()
        else:
            comma, final = ",", self._say(last, 0)
        spaced = self._language != "zh"
        comma = comma.strip() + (" " if spaced else "")
        final = " %s " % final if spaced else final
        return final.join([part for part in (comma.join(names[:-1]), names[-1]) if part])

    def _joined(self, sentences: list) -> str:
        return ("" if self._language == "zh" else " ").join(sentences)

    def _find(self, what: str) -> str:
        return self._words.said(self._language, what) or self._words.said(_DEFAULT, what)

    def _say(self, what: str, several: bool | int, *arguments: str) -> str:
        one, _, more = self._find(what).partition("|")
        template = more if several and more else one
        return template.strip().format(*arguments[: template.count("{}")])
