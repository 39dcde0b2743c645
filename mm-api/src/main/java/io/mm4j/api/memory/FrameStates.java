// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import java.lang.invoke.VarHandle;
import java.util.Arrays;
import org.apiguardian.api.API;

/**
 * The {@link PageState} of every frame of a machine, by section of 128 MiB: an array for each
 * section that somebody has written to, and for others the owner that all their frames have. With
 * FLATMEM, whose {@code mem_map[]} has a place for every frame from the start, all sections are
 * made at boot.
 *
 * <p>A final class, so that the page allocator's fast paths reach a state by two loads and without
 * a virtual call:
 *
 * <pre>{@code
 * long[] words = states.wordsIfAny(pfn);
 * int at = states.at(pfn);
 * if (at < words.length) { // somebody has written to the section; the array need not check again
 *   words[at] = ...;
 * }
 * }</pre>
 *
 * <p>Threads: whichever writes the first frame of a section makes it. See {@link PageState} for who
 * may write how.
 */
@API(status = API.Status.MAINTAINED)
public final class FrameStates {
  private static final long[] NOTHING = {};

  /** Constants, so that fast paths need not read them. */
  private static final int SHIFT = Pages.SECTION_SIZE_BITS - Pages.PAGE_SHIFT;

  private static final int MASK = (1 << SHIFT) - 1;

  /**
   * Of a {@code mem_map} that keeps its states otherwise: every section is as if nobody had written
   * to it, and cannot be written to.
   */
  public static final FrameStates NONE = new FrameStates(0, false);

  /** Whether a section of which all frames have one owner is forgotten. */
  private final boolean sparse;

  /** By section; {@link #NOTHING} if nobody has written to it. */
  private final long[][] sections;

  /** By section: the state of every frame of a section that nobody has written to. */
  private final byte[] untouched;

  private FrameStates(long endPfn, boolean sparse) {
    int count = Math.toIntExact((endPfn + MASK) >>> SHIFT);
    this.sparse = sparse;
    this.sections = new long[count][];
    this.untouched = new byte[count];
    Arrays.fill(sections, NOTHING);
  }

  /** Sections that come into being when they are written: SPARSEMEM. */
  public static FrameStates sparse(long endPfn) {
    return new FrameStates(endPfn, true);
  }

  /** A state for every frame, made now: FLATMEM. */
  public static FrameStates flat(long endPfn) {
    FrameStates states = new FrameStates(endPfn, false);
    for (int section = 0; section < states.sections.length; section++) {
      long frames = Math.min(1L << SHIFT, endPfn - ((long) section << SHIFT));
      states.sections[section] = new long[(int) frames];
    }
    return states;
  }

  /** Whether there are no frames here: whoever wants a state asks the {@link MemMap} for it. */
  public boolean isEmpty() {
    return sections.length == 0;
  }

  /** The state of a frame. */
  public long get(long pfn) {
    int section = (int) (pfn >>> SHIFT);
    long[] known = sections[section];
    return known.length == 0 ? untouched[section] : known[(int) pfn & MASK];
  }

  /** The frame's place in the array of its section. */
  public int at(long pfn) {
    return (int) pfn & MASK;
  }

  /**
   * The states of the frame's section, or an empty array if nobody has written to it or there is no
   * such section; of frame numbers below 2<sup>46</sup>.
   */
  public long[] wordsIfAny(long pfn) {
    int section = (int) (pfn >>> SHIFT);
    long[][] all = sections;
    return section >= 0 && section < all.length ? all[section] : NOTHING;
  }

  /** The states of the frame's section, made if they are not there. */
  public long[] words(long pfn) {
    int section = (int) (pfn >>> SHIFT);
    long[] known = sections[section];
    return known.length > 0 ? known : make(section);
  }

  private synchronized long[] make(int section) {
    long[] made = sections[section];
    if (made.length == 0) {
      made = new long[1 << SHIFT];
      Arrays.fill(made, untouched[section]);
      VarHandle.releaseFence(); // nobody sees the array before what is in it
      sections[section] = made;
    }
    return made;
  }

  /** One past the last frame that is known to read as this one does; {@code pfn + 1} if none is. */
  public long sameUntil(long pfn) {
    int section = (int) (pfn >>> SHIFT);
    return sections[section].length == 0 ? (section + 1L) << SHIFT : pfn + 1;
  }

  /**
   * Takes the page allocator's tag from the frames {@code [startPfn, stopPfn)} that have one; what
   * else their states say stays.
   */
  public void dropTags(long startPfn, long stopPfn) {
    for (long pfn = startPfn; pfn < stopPfn; ) {
      long[] words = wordsIfAny(pfn);
      long sectionEnd = Math.min(((pfn >>> SHIFT) + 1) << SHIFT, stopPfn);
      int to = (int) Math.min(words.length, at(pfn) + (sectionEnd - pfn));
      for (int at = at(pfn); at < to; at++) {
        if ((words[at] & PageState.TAG_MASK) != 0) {
          PageState.setTag(words, at, 0);
        }
      }
      pfn = sectionEnd;
    }
  }

  /**
   * Gives the frames {@code [startPfn, endPfn)} an owner at boot, and nothing else; whole sections
   * by forgetting what was in them.
   *
   * @param lastPfn the end of all frames: a section that is cut off there is whole
   */
  public void fill(long startPfn, long endPfn, FrameOwner owner, long lastPfn) {
    for (long pfn = startPfn; pfn < endPfn; ) {
      int section = (int) (pfn >>> SHIFT);
      long sectionEnd = (section + 1L) << SHIFT;
      long end = Math.min(endPfn, sectionEnd);
      boolean whole = at(pfn) == 0 && (end == sectionEnd || end == lastPfn);
      if (whole && sparse) {
        sections[section] = NOTHING;
        untouched[section] = (byte) owner.code();
      } else {
        Arrays.fill(words(pfn), at(pfn), at(end - 1) + 1, owner.code());
      }
      pfn = end;
    }
  }
}
