// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import java.lang.invoke.VarHandle;
import java.util.Arrays;
import org.apiguardian.api.API;

/**
 * The {@link PageState} of every frame of a machine, by section: an array for each section that
 * somebody has written to, and for others the owner that all their frames have. One section for all
 * frames is FLATMEM's {@code mem_map[]}.
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

  /**
   * Of a {@code mem_map} that keeps its states otherwise: every section is as if nobody had written
   * to it, and cannot be written to.
   */
  public static final FrameStates NONE = new FrameStates(63, 0, 1);

  private final int shift;
  private final int mask;
  private final int frames;

  /** By section; {@link #NOTHING} if nobody has written to it. */
  private final long[][] sections;

  /** By section: the state of every frame of a section that nobody has written to. */
  private final byte[] untouched;

  private FrameStates(int shift, int frames, int count) {
    this.shift = shift;
    this.mask = (int) ((1L << shift) - 1);
    this.frames = frames;
    this.sections = new long[count][];
    this.untouched = new byte[count];
    Arrays.fill(sections, NOTHING);
  }

  /** Sections that come into being when they are written: SPARSEMEM. */
  public static FrameStates sparse(long endPfn) {
    int shift = Pages.SECTION_SIZE_BITS - Pages.PAGE_SHIFT;
    return new FrameStates(
        shift, 1 << shift, Math.toIntExact((endPfn + (1L << shift) - 1) >>> shift));
  }

  /** One array for all frames, made now: FLATMEM. */
  public static FrameStates flat(long endPfn) {
    FrameStates states = new FrameStates(31, Math.toIntExact(endPfn), 1);
    states.sections[0] = new long[states.frames];
    return states;
  }

  /** Whether there are no frames here: whoever wants a state asks the {@link MemMap} for it. */
  public boolean isEmpty() {
    return frames == 0;
  }

  /** The state of a frame. */
  public long get(long pfn) {
    int section = (int) (pfn >>> shift);
    long[] known = sections[section];
    return known.length == 0 ? untouched[section] : known[(int) pfn & mask];
  }

  /** The frame's place in the array of its section. */
  public int at(long pfn) {
    return (int) pfn & mask;
  }

  /** The states of the frame's section, or an empty array if nobody has written to it. */
  public long[] wordsIfAny(long pfn) {
    return sections[(int) (pfn >>> shift)];
  }

  /** The states of the frame's section, made if they are not there. */
  public long[] words(long pfn) {
    int section = (int) (pfn >>> shift);
    long[] known = sections[section];
    return known.length > 0 ? known : make(section);
  }

  private synchronized long[] make(int section) {
    long[] made = sections[section];
    if (made.length == 0) {
      made = new long[frames];
      Arrays.fill(made, untouched[section]);
      VarHandle.releaseFence(); // nobody sees the array before what is in it
      sections[section] = made;
    }
    return made;
  }

  /** One past the last frame that is known to read as this one does; {@code pfn + 1} if none is. */
  public long sameUntil(long pfn) {
    int section = (int) (pfn >>> shift);
    return sections[section].length == 0 ? (section + 1L) << shift : pfn + 1;
  }

  /**
   * Gives the frames {@code [startPfn, endPfn)} an owner at boot, and nothing else; whole sections
   * by forgetting what was in them.
   *
   * @param lastPfn the end of all frames: a section that is cut off there is whole
   */
  public void fill(long startPfn, long endPfn, FrameOwner owner, long lastPfn) {
    for (long pfn = startPfn; pfn < endPfn; ) {
      int section = (int) (pfn >>> shift);
      long sectionEnd = (section + 1L) << shift;
      long end = Math.min(endPfn, sectionEnd);
      boolean whole = at(pfn) == 0 && (end == sectionEnd || end == lastPfn);
      if (whole && frames == mask + 1) {
        sections[section] = NOTHING;
        untouched[section] = (byte) owner.code();
      } else {
        Arrays.fill(words(pfn), at(pfn), at(end - 1) + 1, owner.code());
      }
      pfn = end;
    }
  }
}
