#!/usr/bin/env python3
"""Writes fixtures/tokens-more.json: token ids of texts on which tokenizers disagree, as transformers gives them.

    python3 hard_texts.py --tokenizer FOLDER --out ../fixtures/tokens-more.json

FOLDER is what `oracle.py tokenizer` writes. Besides the texts chosen by hand there are random ones, put together from
characters of all planes, contractions, special tokens and words of the vocabulary. Characters that Unicode has assigned
only lately are left out: whether they are letters depends on the age of a library's tables, not on the tokenizer.
"""
import argparse
import json
import random
import unicodedata

CONTEXT_LENGTH = 77
RANDOM_TEXTS = 150
CHOSEN = [
    # Special tokens: exact, in capitals (ordinary text), touching words and signs, of another CLIP.
    "<|endoftext|>", "<|STARTOFTEXT|>", "<|EndOfText|>!", "x<|startoftext|>y", "a !<|startoftext|>", "<|startoftext|", "<start_of_text>",
    "<end_of_text> cat", "cat <|endoftext|> dog", "!<|ENDOFTEXT|>", "<|startoftext|><|endoftext|><|startoftext|>",
    # Contractions: where a word may begin, after signs, in capitals, alone, with a typographic apostrophe.
    "'s", "''s", "!'s", "DON'T I'LL WE'VE", "'twas 'tis", "rock'n'roll", "it’s", "x'dy", "'re're", "y'all'd've",
    # Letters that aren't in general category L, or are only in some tables.
    "Ⅷ ⅷ xⅷy", "Ⓐ ⓩ aⓑc", "🅰🅱 🄰", "क्षि हिन्दी", "กำ น้ำ", "ªº ʰ", "\u0345a", "e\u0301a\u0308", "\u0308alone",
    # Composition and lowercasing, in this order.
    "e\u0301 E\u0301", "\u1112\u1161\u11ab", "Å Å", "İstanbul", "ΑΣ ΟΔΥΣΣΕΥΣ Σ", "STRASSE ẞ ß", "ǅ Ǆ", "ﬁ ﬃ", "K Ω", "Ⴀ Ა",
    # Numbers are taken digit by digit.
    "1234567890", "½ ² ① ٣ 三 ⅻ", "3.14159", "1st 2nd 3rd", "𝟙𝟚",
    # White space and what looks like it.
    "a\u00a0b\u3000c\u2028d\u2029e", "a\u200bb\u200dc", "a\u180eb", "\ufeffcat", "a\x1cb\x1db", "a\x85b", "a\x00b", "\r\n\t ", "\v\f",
    # Pictures made of several code points.
    "👩‍👩‍👧‍👦", "🏳️‍🌈🏴‍☠️", "👍🏽", "🇩🇪🇫🇷", "❤️ 1️⃣",
    # Scripts without spaces, right to left, outside the basic plane.
    "猫と犬", "한국어 고양이", "ภาษาไทย", "עִבְרִית", "اَلْعَرَبِيَّةُ", "𝒻𝒶𝓃𝒸𝓎", "𐐀𐐨", "𠮷野家",
    # Long words: the merges of one word are made in order of rank, wherever they stand in it.
    "donaudampfschifffahrtsgesellschaftskapitänsmütze", "antidisestablishmentarianism", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "hahahahahahaha",
    "ab" * 60, "pneumonoultramicroscopicsilicovolcanoconiosis", "artforsale criticalrole", "!" * 90, "-=" * 40, "é" * 50,
    # Markup and addresses stay what they are.
    "<b>cat</b>", "<script>alert('x')</script>", "&nbsp;&#39;", "https://example.org/a?b=c&d=%20", "C:\\dir\\file.txt", "#hashtag @user",
]
FRAGMENTS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "<|startoftext|>", "<|endoftext|>", "<|StartOfText|>", "<|", "|>", " ", "  ",
             "\u00a0", "\u200d", "\u0301", "İ", "Σ", "ﬁ", "½", "ⅷ", "Ⓐ", "👩‍👧", "e\u0301", "가", "ำ", "क्षि", "!!!", "_"]


def random_character(generator):
    """A character that Unicode has long assigned, mostly from the lower planes."""
    while True:
        limit = generator.choice([0x7f, 0x250, 0x250, 0x3000, 0x10000, 0x20000])
        character = chr(generator.randrange(0x20, limit))
        if unicodedata.category(character) not in ("Cn", "Cs", "Co"):
            return character


def random_text(generator, words):
    makers = [lambda: random_character(generator), lambda: generator.choice(FRAGMENTS), lambda: generator.choice(words), lambda: " "]
    return "".join(generator.choice(makers)() for _ in range(generator.randrange(3, 20)))


def main():
    from transformers import CLIPTokenizerFast
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    tokenizer = CLIPTokenizerFast.from_pretrained(options.tokenizer)
    generator = random.Random(0)
    words = [word.removesuffix("</w>") for word in sorted(tokenizer.get_vocab()) if not word.startswith("<|")]
    texts = CHOSEN + [random_text(generator, words) for _ in range(RANDOM_TEXTS)]
    rows = [dict(text=text, ids=tokenizer(text, truncation=True, max_length=CONTEXT_LENGTH)["input_ids"]) for text in texts]
    with open(options.out, "w", encoding="utf-8") as file:
        # ASCII: some of these texts would not survive an editor.
        file.write("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
    print(options.out, len(rows), "texts")


if __name__ == "__main__":
    main()
