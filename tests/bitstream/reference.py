"""A decoder of payloads and of files in plain Python, written from docs/file-format.md alone."""

import zlib
from itertools import pairwise

TOTAL = 2**24


class RangeDecoder:
    def __init__(self, payload: bytes) -> None:
        self.data = payload + bytes(8)
        self.place = 8
        self.size = 2**64 - 1
        self.distance = int.from_bytes(self.data[:8], "big")

    def symbol(self, frequencies: list[int]) -> int:
        grain = self.size // TOTAL
        target = self.distance // grain
        start, chosen = 0, 0
        while target >= start + frequencies[chosen]:
            start += frequencies[chosen]
            chosen += 1
        self.distance -= start * grain
        self.size = frequencies[chosen] * grain
        if self.size < 2**32:
            self.size <<= 32
            word = (self.data[self.place : self.place + 4] + bytes(4))[:4]
            self.distance = self.distance << 32 | int.from_bytes(word, "big")
            self.place += 4
        return chosen


CLASSES = [2 ** (23 - c) for c in range(16)] + [16] + [15] * 16


def decode_group(coder: RangeDecoder, table: list[int], count: int) -> list[int]:
    usual = table.index(max(table))
    if table[usual] < 15 * 2**20:
        return [coder.symbol(table) for _ in range(count)]
    rest = TOTAL - table[usual]
    longest = min(1024, 2**26 // rest)
    weights = [2**48]
    for _ in range(longest):
        weights.append(weights[-1] * table[usual] // TOTAL)
    starts = [TOTAL - (w + 2**23) // TOTAL for w in weights] + [TOTAL]
    runs = [b - a for a, b in pairwise(starts)]
    others, before = [], 0
    for place, frequency in enumerate(table):
        if place != usual:
            others.append((before + frequency) * TOTAL // rest - before * TOTAL // rest)
            before += frequency
    group, gaps = [], []
    while count - len(group) >= longest:
        run = coder.symbol(runs)
        group += [usual] * min(run + 1, longest)
        if run < longest:
            gaps.append(len(group) - 1)
    for gap in gaps:
        other = coder.symbol(others) if len(others) > 1 else 0
        group[gap] = other + (other >= usual)
    return group + [coder.symbol(table) for _ in range(count - len(group))]


def decode_numbers(coder: RangeDecoder, count: int) -> list[int]:
    classes = [coder.symbol(CLASSES) for _ in range(count)]
    numbers = [2**c - 1 for c in classes]
    for c in range(1, 33):
        of_class = [place for place in range(count) if classes[place] == c]
        pieces = [(c - 16, 16), (16, 0)] if c > 16 else [(c, 0)]
        for bits, shift in pieces:
            for place in of_class:
                numbers[place] += coder.symbol([TOTAL >> bits] * 2**bits) << shift
    return numbers


def decode_call(
    coder: RangeDecoder, indexes: list[int], offsets: list[int], tables: list[list[int]]
) -> list[int]:
    symbols = []
    for start in range(0, len(indexes), 2**18):
        block = indexes[start : start + 2**18]
        out = [0] * len(block)
        escaped = []
        for index in sorted(set(block)):
            places = [place for place in range(len(block)) if block[place] == index]
            group = decode_group(coder, tables[index], len(places))
            for place, symbol in zip(places, group, strict=True):
                out[place] = offsets[index] + symbol
                if symbol == len(tables[index]) - 1:
                    escaped.append(place)
        for place, number in zip(escaped, decode_numbers(coder, len(escaped)), strict=True):
            offset, escape = offsets[block[place]], len(tables[block[place]]) - 1
            below = number % 2 == 1
            out[place] = offset - (number + 1) // 2 if below else offset + escape + number // 2
        symbols += out
    return symbols


def varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[place] & 127) << shift
        shift += 7
        place += 1
        if data[place - 1] < 128:
            return value, place


def read_file(data: bytes) -> tuple[dict, dict]:
    """Return the fields of the header and the payloads by kind and tile."""
    assert data[:4] == b"HSC\x01"
    flags, place = data[5], 6
    header = {"codec": data[4], "dtype": flags & 7, "profile": flags >> 6 & 1, "model": b""}
    if flags & 32:
        header["model"], place = data[6:14], 14
    for name in ("height", "width", "bands", "tile_px"):
        header[name], place = varint(data, place)
    header_end = place + (8 if flags >> 3 & 3 == 2 else 0)
    if flags >> 3 & 3 == 1:
        header_end = varint(data, place)[1]
    footer, used = varint(data[-5::-1], 0)
    table_end = len(data) - 4 - used
    table = data[table_end - footer // 2 : table_end]
    small = footer % 2
    guarded = data[:-4] if small else data[:header_end] + data[table_end - len(table) : -4]
    assert zlib.crc32(guarded) == int.from_bytes(data[-4:], "little")
    return header, read_payloads(data[header_end : table_end - len(table)], table, small)


def read_payloads(area: bytes, table: bytes, small: int) -> dict:
    payloads, place, last = {}, 0, 0
    while not last:
        head, tile, count = table[place], 0, 1
        place, last = place + 1, head & 32
        if head & 64:
            tile, place = varint(table, place)
        if head & 128:
            count, place = varint(table, place)
            count += 2
        for number in range(tile, tile + count):
            length = len(area)
            if not (last and number == tile + count - 1):
                length, place = varint(table, place)
            payload, area = area[:length], area[length:]
            if length and not small:
                assert zlib.crc32(payload) == int.from_bytes(table[place : place + 4], "little")
                place += 4
            payloads[head & 31, number] = payload
    return payloads
