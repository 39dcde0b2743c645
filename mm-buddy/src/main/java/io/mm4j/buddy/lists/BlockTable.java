// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.lists;

import org.jspecify.annotations.Nullable;

/**
 * Where the heads of free blocks are written down: state and list links, for every block of one
 * size that could begin in a zone. A zone has two: one for the largest blocks, one for frames, in
 * which blocks of all smaller orders are written down at their first frame.
 *
 * <p><b>Vocabulary.</b> An <i>index</i> is a frame number relative to the zone's base, as an
 * unsigned int; {@link #NIL} is none. A <i>unit</i> is a block of this table's size. The
 * <i>state</i> of a unit is 0 unless a free block begins there; then it is {@code migratetype << 4
 * | order + 1}.
 *
 * <p><b>Layout.</b> 9 bytes for each unit, in sections of 32768 units that come into being when a
 * block in them is first listed: so largest blocks cost 9 bytes for every 4 MiB, and frames nothing
 * until a block in their 128 MiB is split.
 *
 * <pre>
 *   sections[unit / 32768].state[unit % 32768]                 byte
 *   sections[unit / 32768].links[2 * (unit % 32768) + 0, 1]    int: the indexes before and after
 * </pre>
 */
final class BlockTable {
  static final int NIL = -1;

  static final int SECTION_SHIFT = 15;
  static final int SECTION_MASK = (1 << SECTION_SHIFT) - 1;

  /** State and links of 32768 units. */
  static final class Section {
    final byte[] state = new byte[1 << SECTION_SHIFT];
    final int[] links = new int[2 << SECTION_SHIFT];

    /** Sets the states of neighbours: by copying, as a boot has not had the time to be compiled. */
    void fillStates(int from, int units, byte value) {
      state[from] = value;
      for (int done = 1; done < units; ) {
        int more = Math.min(units - done, done);
        System.arraycopy(state, from, state, from + done, more);
        done += more;
      }
    }
  }

  /** log2 of the frames of a unit. */
  final int shift;

  private final @Nullable Section[] sections;

  BlockTable(long frames, int shift) {
    this.shift = shift;
    long units = (frames + (1L << shift) - 1) >>> shift;
    sections = new Section[Math.toIntExact((units + SECTION_MASK) >>> SECTION_SHIFT)];
  }

  static int orderOf(int state) {
    return (state & 15) - 1;
  }

  static int migratetypeOf(int state) {
    return state >>> 4;
  }

  /** The place of an index in its section. */
  int at(int index) {
    return index >>> shift & SECTION_MASK;
  }

  /** One past the last frame of the section of an index, relative to the base. */
  long sectionEnd(int index) {
    int last = index >>> shift | SECTION_MASK;
    return (last + 1L) << shift;
  }

  /** The section of an index, or null if nothing in it was ever listed. */
  @Nullable Section sectionIfAny(int index) {
    return sections[index >>> shift >>> SECTION_SHIFT];
  }

  /** The section of an index. */
  Section section(int index) {
    Section section = sections[index >>> shift >>> SECTION_SHIFT];
    return section != null ? section : materialise(index);
  }

  private Section materialise(int index) {
    Section section = new Section();
    sections[index >>> shift >>> SECTION_SHIFT] = section;
    return section;
  }

  int state(int index) {
    Section section = sectionIfAny(index);
    return section == null ? 0 : section.state[at(index)];
  }

  int prev(int index) {
    return section(index).links[2 * at(index)];
  }

  int next(int index) {
    return section(index).links[2 * at(index) + 1];
  }

  void setPrev(int index, int prev) {
    section(index).links[2 * at(index)] = prev;
  }

  void setNext(int index, int next) {
    section(index).links[2 * at(index) + 1] = next;
  }

  /** Bytes of the table as far as it exists. */
  long bytes() {
    long made = 0;
    for (Section section : sections) {
      made += section == null ? 0 : 1;
    }
    return 4L * sections.length + made * (9L << SECTION_SHIFT);
  }

  /** How many units have a state other than 0; walks everything. */
  long countHeads() {
    long heads = 0;
    for (Section section : sections) {
      if (section != null) {
        for (byte state : section.state) {
          heads += state == 0 ? 0 : 1;
        }
      }
    }
    return heads;
  }
}
