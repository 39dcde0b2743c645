// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.naive;

import io.mm4j.api.memory.FrameOwner;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * What is known of a frame: a word of its own or of a table - the bits as {@link
 * io.mm4j.api.memory.PageState} draws them - and fields.
 */
public final class NaiveFrame {
  private static final VarHandle WORD = MethodHandles.arrayElementVarHandle(long[].class);

  /** Where the fields of a word begin; the next one is where it ends. */
  private static final int[] BITS = {0, 5, 10, 29, 30, 40, 64};

  private static final int OWNER = 0;
  private static final int ORDER = 1;
  private static final int FLAGS = 2;
  private static final int HELD = 3;
  private static final int REFCOUNT = 5;

  private final long[] words;
  private final int at;

  int mapcount;
  int entireMapcount;
  long privateData;
  long mapping;
  long index;
  long next = -1;
  long prev = -1;

  /** With an owner, and nothing else. */
  public NaiveFrame(FrameOwner owner) {
    this(new long[1], 0);
    owner(owner);
  }

  /** As the word is that another table has of it. */
  public NaiveFrame(long[] words, int at) {
    this.words = words;
    this.at = at;
  }

  private long get(int field) {
    long word = words[at] << (64 - BITS[field + 1]);
    return word >>> (64 - BITS[field + 1] + BITS[field]);
  }

  private void set(int field, long value) {
    long mask = (-1L >>> (64 - BITS[field + 1] + BITS[field])) << BITS[field];
    long old = words[at];
    while (!WORD.compareAndSet(words, at, old, (old & ~mask) | (value << BITS[field] & mask))) {
      old = words[at];
    }
  }

  FrameOwner owner() {
    return FrameOwner.of((int) get(OWNER));
  }

  void owner(FrameOwner owner) {
    set(OWNER, owner.code());
  }

  int order() {
    return (int) get(ORDER);
  }

  void order(int order) {
    set(ORDER, order);
  }

  int flags() {
    return (int) get(FLAGS);
  }

  void flags(int flags) {
    set(FLAGS, flags);
  }

  boolean held() {
    return get(HELD) != 0;
  }

  void held(boolean held) {
    set(HELD, held ? 1 : 0);
  }

  int refcount() {
    return (int) get(REFCOUNT);
  }

  void refcount(int count) {
    set(REFCOUNT, count);
  }

  boolean hasOnlyAnOwner() {
    return words[at] == owner().code() && hasEmptyRow();
  }

  private boolean hasEmptyRow() {
    return mapcount == 0
        && entireMapcount == 0
        && privateData == 0
        && mapping == 0
        && index == 0
        && next == -1
        && prev == -1;
  }

  boolean equalTo(NaiveFrame other) {
    return words[at] == other.words[other.at]
        && mapcount == other.mapcount
        && entireMapcount == other.entireMapcount
        && privateData == other.privateData
        && mapping == other.mapping
        && index == other.index
        && next == other.next
        && prev == other.prev;
  }

  /** Whether a page-table entry maps it. */
  boolean isMapped() {
    return mapcount != 0 || entireMapcount != 0;
  }

  /** Nothing in its row, on no list, held by nobody. */
  void forget() {
    held(false);
    mapcount = 0;
    entireMapcount = 0;
    privateData = 0;
    mapping = 0;
    index = 0;
    next = -1;
    prev = -1;
  }

  /** Owner, order, flags and references; no tag. */
  void become(FrameOwner owner, int order, int flags, int refcount) {
    boolean held = held();
    words[at] = 0;
    held(held);
    owner(owner);
    order(order);
    flags(flags);
    refcount(refcount);
  }
}
