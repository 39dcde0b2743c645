// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.vma.rules;

import io.mm4j.api.plugin.Options;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.stress.Life;

/** A seeded life of one index. */
final class IndexLife extends Life {
  private static final int MOST_VMAS = 512;
  private static final int PLACES = 200;
  private static final long PAGE = 4096;

  private final VmaIndexProvider provider;
  private final Options options;
  private final long seed;
  private final Seeded random;
  private VmaIndex index;

  /** With an index of its own; makes so many calls. */
  IndexLife(VmaIndexProvider provider, Options options, long seed, int calls) {
    super(calls);
    this.provider = provider;
    this.options = options;
    this.seed = seed;
    random = new Seeded(seed);
    index = provider.create(Math.min(MOST_VMAS, provider.capabilities().maxVmas()), options);
  }

  /** Goes on from a copy of another one's index, with calls of its own. */
  IndexLife(IndexLife parent, long seed, int calls) {
    super(calls);
    this.provider = parent.provider;
    this.options = parent.options;
    this.seed = seed;
    random = new Seeded(seed);
    index = parent.index.copy();
  }

  @Override
  protected IndexLife again(int length) {
    return new IndexLife(provider, options, seed, length);
  }

  @Override
  protected void makeCall() {
    long start = PAGE * (1 + random.below(PLACES));
    int vma = index.findIntersection(start, start + PAGE);
    answer(vma);
    switch (random.below(8)) {
      case 0, 1, 2 -> {
        if (vma == VmaIndex.NONE) {
          answer(index.insert(start, start + PAGE));
        } else {
          index.erase(vma);
        }
      }
      case 3 -> {
        if (vma != VmaIndex.NONE) {
          index.setRange(vma, start, start + PAGE / 2 * (1 + random.below(2)));
          answer(index.end(vma));
        }
      }
      case 4 -> answer(index.gapAbove(0, VmaIndex.MAX_ADDRESS, PAGE * (1 + random.below(9))));
      case 5 -> answer(index.gapBelow(0, PAGE * PLACES, PAGE * (1 + random.below(9))));
      case 6 -> {
        for (int at = vma == VmaIndex.NONE ? index.last() : vma, n = 0;
            at != VmaIndex.NONE && n < 4;
            at = index.prev(at), n++) {
          answer(index.start(at));
          answer(index.next(at));
        }
      }
      default -> {
        answer(index.reserve(random.below(5)) ? 1 : 0);
        index = random.oneIn(8) ? index.copy() : index;
        answer(index.size());
      }
    }
  }
}
