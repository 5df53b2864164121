#!/usr/bin/env python3
"""Writes crates/clip-model/src/tokenizer/merges.bin from CLIP's published merge list.

    python3 merges.py --bpe bpe_simple_vocab_16e6.txt[.gz] --out ../../crates/clip-model/src/tokenizer/merges.bin

The merge list comes with OpenAI's CLIP, with open_clip and with the crate instant-clip-tokenizer. Its text is 3.2 MB,
most of it merges that CLIP doesn't use. The tokenizer needs only the ids: for each of CLIP's 48,894 merges, in order of
rank, the two ids that are joined, of 16 bits each: the lower bytes of all left ids, their upper bytes, and those of the
right ids. The merge of rank r has the id 512 + r.
"""
import argparse
import gzip
import struct

from tokenizer_files import SPECIAL_TOKENS, VOCABULARY_SIZE, printable_bytes


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bpe", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    open_text = gzip.open if options.bpe.endswith(".gz") else open
    with open_text(options.bpe, "rt", encoding="utf-8") as file:
        lines = file.read().split("\n")

    base = printable_bytes()
    ids = {symbol: index for index, symbol in enumerate(base + [character + "</w>" for character in base])}
    merge_count = VOCABULARY_SIZE - len(ids) - len(SPECIAL_TOKENS)
    pairs = bytearray()
    for line in lines[1:1 + merge_count]:
        left, right = line.split()
        pairs += struct.pack("<HH", ids[left], ids[right])
        ids[left + right] = len(ids)
    with open(options.out, "wb") as file:
        for place in range(4):
            file.write(pairs[place::4])
    # A symbol made by two different merges would have shifted every id after it.
    assert len(ids) == VOCABULARY_SIZE - len(SPECIAL_TOKENS)
    print(options.out, merge_count, "merges")


if __name__ == "__main__":
    main()
