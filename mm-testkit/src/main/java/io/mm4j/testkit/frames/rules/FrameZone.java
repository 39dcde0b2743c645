// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.rules;

import io.mm4j.api.memory.Pageblocks;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Migratetype;
import io.mm4j.testkit.Seeded;
import java.util.BitSet;

/**
 * A zone to test on: where it lies, which of its frames are memory, of what type its pageblocks
 * are.
 *
 * @param startPfn the first frame
 * @param frames how many, holes included
 * @param holeAt the first frame of a hole, relative to the start
 * @param holeFrames its length; 0 for none
 * @param typesSeed decides the types of the pageblocks; 0 for all Movable
 * @param blockOrder the order of its pageblocks
 */
record FrameZone(
    long startPfn, int frames, int holeAt, int holeFrames, long typesSeed, int blockOrder) {
  /** With pageblocks of 2 MiB. */
  FrameZone(long startPfn, int frames, int holeAt, int holeFrames, long typesSeed) {
    this(startPfn, frames, holeAt, holeFrames, typesSeed, Pages.PAGEBLOCK_ORDER);
  }

  /** Exactly these frames, from an address where the largest blocks are aligned. */
  static FrameZone plain(int frames) {
    return new FrameZone(1 << 14, frames, 0, 0, 0);
  }

  /** Aligned or not, large or tiny, with a hole or without, as the seed wants. */
  static FrameZone of(long seed) {
    Seeded random = new Seeded(seed);
    return switch (random.below(7)) {
      case 0 -> plain(2048);
      // As on x86-32 without PAE.
      case 6 -> new FrameZone((1 << 12) + 300, 3000, 700, 100, random.next(), 10);
      case 1 -> new FrameZone(1 << 14, 4096, 0, 0, random.next());
      case 2 -> new FrameZone(1, 4095, 159, 97, random.next());
      case 3 -> new FrameZone((1 << 14) + 512, 2048 + random.below(1024), 1000, 24, random.next());
      case 4 -> new FrameZone(4096 + random.below(1024), 30 + random.below(600), 0, 0, 0);
      default -> new FrameZone((1L << 32) - 700, 1400 + random.below(900), 300, 512, random.next());
    };
  }

  Zone create() {
    long end = startPfn + frames;
    long present = (long) frames - holeFrames;
    Pageblocks types = new Pageblocks(startPfn, end, Migratetype.MOVABLE, blockOrder);
    Zone zone = new Zone(ZoneType.NORMAL, 0, startPfn, end, present, present, types);
    if (typesSeed != 0) {
      Seeded random = new Seeded(typesSeed);
      for (long pfn = startPfn; pfn < end; pfn += types.pages()) {
        types.set(pfn, random.below(Migratetype.PCPTYPES));
      }
    }
    return zone;
  }

  /** The frames that are memory, relative to the start. */
  BitSet usable() {
    BitSet usable = new BitSet(frames);
    usable.set(0, frames);
    usable.clear(holeAt, holeAt + holeFrames);
    return usable;
  }

  @Override
  public String toString() {
    return String.format(
        "zone of frames 0x%x-0x%x, hole of %d at 0x%x, pageblocks of order %d %s",
        startPfn,
        startPfn + frames,
        holeFrames,
        startPfn + holeAt,
        blockOrder,
        typesSeed == 0 ? "Movable" : "of three types");
  }
}
