// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.FrameStates;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Pages;
import io.mm4j.testkit.memory.naive.FrameObjects;
import io.mm4j.testkit.memory.naive.NaiveFrame;
import java.util.Arrays;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A {@code mem_map} of objects that are made when a frame is first written, for zones that lie far
 * apart. It remembers which frames were written, so that few have to be compared.
 */
final class TouchedMap extends FrameObjects {
  private static final class Frame {
    final NaiveFrame state;
    boolean touched;

    Frame(NaiveFrame state) {
      this.state = state;
    }
  }

  private static final int CHUNK = 12;

  /** Frames that were written since the last look, once each. */
  private long[] touched = new long[64];

  private int touchedCount;
  private final MemoryLayout layout;
  private final @Nullable Frame[][] chunks;
  private final FrameStates states;

  /** Whether {@link #states} shows them: every mem_map may keep its frames to itself. */
  private final boolean shown;

  TouchedMap(MemoryLayout layout, boolean shown) {
    this.shown = shown;
    this.layout = layout;
    this.chunks = new Frame[((int) layout.endPfn() >> CHUNK) + 1][];
    this.states = FrameStates.sparse(layout.endPfn());
    for (MemoryMap.Range range : layout.map().ranges()) {
      long first = Pages.pfnUp(range.start());
      long end = Math.min(layout.endPfn(), Pages.pfnDown(range.end()));
      if (range.type() == MemoryMap.Type.USABLE && first < end) {
        initOwners(first, end, FrameOwner.RESERVED);
      }
    }
  }

  private NaiveFrame made(long pfn) {
    return new NaiveFrame(states.words(pfn), states.at(pfn));
  }

  @Override
  public FrameStates states() {
    return shown ? states : FrameStates.NONE;
  }

  private @Nullable Frame[] chunk(long pfn) {
    int at = (int) pfn >> CHUNK;
    if (chunks[at] == null) {
      chunks[at] = new Frame[1 << CHUNK];
    }
    return chunks[at];
  }

  @Override
  protected NaiveFrame frame(long pfn) {
    Frame frame = chunk(pfn)[(int) pfn & (1 << CHUNK) - 1];
    return frame == null ? made(pfn) : frame.state;
  }

  @Override
  protected NaiveFrame written(long pfn) {
    return toWrite(pfn).state;
  }

  private Frame toWrite(long pfn) {
    @Nullable Frame[] chunk = chunk(pfn);
    int at = (int) pfn & (1 << CHUNK) - 1;
    Frame frame = chunk[at];
    if (frame == null) {
      frame = new Frame(made(pfn));
      chunk[at] = frame;
    }
    if (!frame.touched) {
      frame.touched = true;
      if (touchedCount == touched.length) {
        touched = Arrays.copyOf(touched, 2 * touchedCount);
      }
      touched[touchedCount++] = pfn;
    }
    return frame;
  }

  /** Looks at every frame that was written since the last call. */
  void takeTouched(LongConsumer look) {
    for (int i = 0; i < touchedCount; i++) {
      look.accept(touched[i]);
      toWrite(touched[i]).touched = false;
    }
    touchedCount = 0;
  }

  /** Whether a frame was ever written. */
  boolean isKnown(long pfn) {
    return chunk(pfn)[(int) pfn & (1 << CHUNK) - 1] != null;
  }

  @Override
  public long endPfn() {
    return layout.endPfn();
  }

  @Override
  public boolean isPresent(long pfn) {
    for (MemoryMap.Range range : layout.map().ranges()) {
      if (pfn >= Pages.pfnUp(range.start()) && pfn < Pages.pfnDown(range.end())) {
        return range.type() == MemoryMap.Type.USABLE;
      }
    }
    return false;
  }

  @Override
  public void initOwners(long startPfn, long endPfn, FrameOwner owner) {
    states.fill(startPfn, endPfn, owner, endPfn());
  }
}
