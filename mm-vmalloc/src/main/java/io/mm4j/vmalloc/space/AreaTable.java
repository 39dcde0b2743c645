// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.space;

import io.mm4j.api.KernelLock;
import io.mm4j.api.LockClass;
import io.mm4j.api.MisuseException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The areas by their first address, and those that have gone, to be used again with their lists of
 * frames: once as many are there as were ever at once, nothing is allocated.
 *
 * <p>Open addressing: an area stands at the place that its address is hashed to, or behind it with
 * no empty place between. One lock over every call.
 */
final class AreaTable {
  /** Areas of up to this power of two of frames are kept, and so many of each power. */
  private static final int LARGEST_KEPT = 12;

  private static final int KEPT = 64;

  private final KernelLock lock = new KernelLock(LockClass.VMAP, "vm areas");
  private int bits = 6;
  private @Nullable VmArea[] places = new VmArea[1 << bits];
  private int size;
  private final @Nullable VmArea[] spare = new VmArea[LARGEST_KEPT + 1];
  private final int[] spares = new int[LARGEST_KEPT + 1];

  /** log2 of the frames that an area of this many has room for. */
  private static int power(int frames) {
    return frames <= 1 ? 0 : 32 - Integer.numberOfLeadingZeros(frames - 1);
  }

  /** An area that is not in the table yet, with room for its frames. */
  VmArea make(VmArea.Kind kind, long address, long bytes, int count, int frames, String caller) {
    int power = power(frames);
    VmArea area = null;
    if (power <= LARGEST_KEPT) {
      lock.lock();
      try {
        area = spare[power];
        if (area != null) {
          spare[power] = area.next;
          spares[power]--;
        }
      } finally {
        lock.unlock();
      }
    }
    if (area == null) {
      area = new VmArea(power > LARGEST_KEPT ? frames : 1 << power);
    }
    area.kind = kind;
    area.address = address;
    area.bytes = bytes;
    area.count = count;
    area.caller = caller;
    area.user = false;
    area.atTouch = false;
    area.paddr = 0;
    area.order = 0;
    area.filled = 0;
    area.listArea = 0;
    area.next = null;
    return area;
  }

  /** An area that is in no table any more may be used again. */
  void recycle(VmArea area) {
    int power = power(area.pfns.length);
    if (power > LARGEST_KEPT || area.atTouch) {
      return;
    }
    lock.lock();
    try {
      if (spares[power] < KEPT) {
        area.next = spare[power];
        spare[power] = area;
        spares[power]++;
      }
    } finally {
      lock.unlock();
    }
  }

  private int home(long address) {
    return (int) (((address >>> 12) * 0x9e37_79b9_7f4a_7c15L) >>> (64 - bits));
  }

  void put(VmArea area) {
    lock.lock();
    try {
      if (2 * ++size > places.length) {
        grow();
      }
      insert(area);
    } finally {
      lock.unlock();
    }
  }

  private void insert(VmArea area) {
    int mask = places.length - 1;
    int at = home(area.address);
    while (places[at] != null) {
      at = (at + 1) & mask;
    }
    places[at] = area;
  }

  private void grow() {
    @Nullable VmArea[] old = places;
    bits++;
    places = new VmArea[1 << bits];
    for (VmArea area : old) {
      if (area != null) {
        insert(area);
      }
    }
  }

  /** Where the area of an address stands, or the empty place where the search for it ended. */
  private int place(long address) {
    int mask = places.length - 1;
    int at = home(address);
    VmArea here = places[at];
    while (here != null && here.address != address) {
      at = (at + 1) & mask;
      here = places[at];
    }
    return at;
  }

  /** The area that begins here, or null. */
  @Nullable VmArea get(long address) {
    lock.lock();
    try {
      return places[place(address)];
    } finally {
      lock.unlock();
    }
  }

  /**
   * Takes an area out.
   *
   * @param call who asks, for the message
   * @throws MisuseException if none of this kind begins here
   */
  VmArea take(long address, VmArea.Kind kind, String call) {
    lock.lock();
    try {
      int at = place(address);
      VmArea area = places[at];
      if (area == null || area.kind != kind) {
        throw new MisuseException(
            String.format(
                "%s of what is no such area: address=0x%x%s",
                call, address, area == null ? "" : " is " + area.kind.text));
      }
      close(at);
      return area;
    } finally {
      lock.unlock();
    }
  }

  /** Empties a place; those behind it that belong before it move up. */
  private void close(int emptied) {
    int mask = places.length - 1;
    int hole = emptied;
    places[hole] = null;
    size--;
    int at = (hole + 1) & mask;
    for (VmArea area = places[at]; area != null; area = places[at]) {
      int home = home(area.address);
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        places[hole] = area;
        places[at] = null;
        hole = at;
      }
      at = (at + 1) & mask;
    }
  }

  /** All of them, in no order. */
  List<VmArea> all() {
    lock.lock();
    try {
      List<VmArea> all = new ArrayList<>(size);
      for (VmArea area : places) {
        if (area != null) {
          all.add(area);
        }
      }
      return all;
    } finally {
      lock.unlock();
    }
  }
}
