// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.naive;

import org.jspecify.annotations.Nullable;

/**
 * The slots in which the kernel keeps the folios of a file, as lib/xarray.c of Linux 6.18 is
 * described: nodes of 64 slots, each of which has a node, a folio, or says at which slot before it
 * its folio begins. A walk over them counts pages and slots, which need not agree.
 */
final class NaiveSlots {
  private static final int BITS = 6;
  private static final int SLOTS = 1 << BITS;

  private static final Object FOLIO = new Object();

  /** A slot of a folio that begins before it. */
  private record Sibling(int of) {}

  private static final class Node {
    final @Nullable Node parent;
    final int place;
    final int shift;
    final @Nullable Object[] slots = new @Nullable Object[SLOTS];

    Node(@Nullable Node parent, int place, int shift) {
      this.parent = parent;
      this.place = place;
      this.shift = shift;
    }

    int slot(long index) {
      return (int) (index >>> shift) & SLOTS - 1;
    }
  }

  private final Node root;

  // Where a walk is.
  private long index;
  private @Nullable Node node;
  private int slot;

  /**
   * No slot is taken yet.
   *
   * @param past behind the last page of all folios that will be put in
   * @param firstLog log2 of the pages of the folio at page 0
   */
  NaiveSlots(long past, int firstLog) {
    int shift = firstLog / BITS * BITS;
    while (((past - 1) >>> shift) >= SLOTS) {
      shift += BITS;
    }
    root = new Node(null, 0, shift);
  }

  /** A folio is there. */
  void put(long first, int log) {
    int shift = log / BITS * BITS;
    Node at = root;
    while (at.shift > shift) {
      int place = at.slot(first);
      Object below = at.slots[place];
      if (!(below instanceof Node)) {
        below = new Node(at, place, at.shift - BITS);
        at.slots[place] = below;
      }
      at = (Node) below;
    }
    int place = at.slot(first);
    at.slots[place] = FOLIO;
    for (int i = 1; i < 1 << log % BITS; i++) {
      at.slots[place + i] = new Sibling(place);
    }
  }

  /** The first page from one on that a walk of so many steps finds nothing for. */
  long missFrom(long from, long steps) {
    boolean there = load(from);
    for (long i = 1; there && i < steps; i++) {
      there = step(1);
    }
    return there ? from + steps : index;
  }

  /** The same downwards: where the walk ends; -1 below the first page. */
  long missBelow(long from, long steps) {
    boolean there = load(from);
    for (long i = 1; there && i < steps && index >= 0; i++) {
      there = step(-1);
    }
    return index;
  }

  private boolean load(long at) {
    index = at;
    node = null;
    if (at >>> root.shift >= SLOTS) {
      return false;
    }
    Node here = root;
    Object entry = here.slots[here.slot(at)];
    while (entry instanceof Node below) {
      here = below;
      entry = here.slots[here.slot(at)];
    }
    node = here;
    slot = entry instanceof Sibling sibling ? sibling.of : here.slot(at);
    return entry != null;
  }

  /** One page on: to the slot beside, in a node above only if the page has another slot there. */
  private boolean step(int by) {
    Node here = node;
    if (here == null) {
      return false;
    }
    boolean plain = here.shift == 0 && slot + by >= 0 && slot + by < SLOTS;
    index += by;
    if (plain || slot != here.slot(index)) {
      slot += by;
    }
    while (slot < 0 || slot == SLOTS) {
      slot = here.place + by;
      here = here.parent;
      if (here == null) {
        return false;
      }
    }
    while (here.slots[slot] instanceof Node below) {
      here = below;
      slot = here.slot(index);
    }
    node = here;
    return here.slots[slot] != null;
  }
}
