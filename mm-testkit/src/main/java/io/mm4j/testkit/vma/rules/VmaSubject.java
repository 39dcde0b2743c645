// SPDX-License-Identifier: Apache-2.0
package io.mm4j.testkit.vma.rules;

import io.mm4j.api.vma.VmaIndex;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Subject;
import io.mm4j.testkit.vma.naive.NaiveVmaIndex;
import io.mm4j.testkit.vma.rules.VmaOp.Clear;
import io.mm4j.testkit.vma.rules.VmaOp.Copy;
import io.mm4j.testkit.vma.rules.VmaOp.Erase;
import io.mm4j.testkit.vma.rules.VmaOp.Fill;
import io.mm4j.testkit.vma.rules.VmaOp.Insert;
import io.mm4j.testkit.vma.rules.VmaOp.Probe;
import io.mm4j.testkit.vma.rules.VmaOp.SetRange;
import java.util.HashMap;
import java.util.Map;

/** An index and its model, driven by the same operations. */
public final class VmaSubject extends Subject {
  private static final long PAGE = 4096;

  /** The most VMAs that this run's indexes hold. */
  final int maxVmas;

  private final Map<Integer, Integer> handles = new HashMap<>();
  private VmaIndex index;
  private NaiveVmaIndex model;
  private int mostVmas;
  private int lastErased = VmaIndex.NONE;
  private VmaOp last = new Copy();

  /**
   * An empty index and an empty model.
   *
   * @param index just created for {@code maxVmas} VMAs
   */
  VmaSubject(VmaIndex index, int maxVmas) {
    this.index = index;
    this.maxVmas = maxVmas;
    model = new NaiveVmaIndex(maxVmas);
  }

  /** The index under test. */
  VmaIndex index() {
    return index;
  }

  /** What it should be. */
  NaiveVmaIndex model() {
    return model;
  }

  /** The largest number of VMAs there have been at a time. */
  int mostVmas() {
    return mostVmas;
  }

  /** The handle of the index that was erased last, or NONE. */
  int lastErased() {
    return lastErased;
  }

  /** The index's handle for a VMA of the model; NONE for NONE. */
  int handle(int modelVma) {
    if (modelVma == VmaIndex.NONE) {
      return VmaIndex.NONE;
    }
    Integer handle = handles.get(modelVma);
    if (handle == null) {
      throw new RuleViolation("a handle for " + text(modelVma), "none");
    }
    return handle;
  }

  /** A VMA of the model for a message. */
  String text(int modelVma) {
    return modelVma == VmaIndex.NONE
        ? "none"
        : "[0x%x, 0x%x)".formatted(model.start(modelVma), model.end(modelVma));
  }

  /** The operation that was done last. */
  VmaOp last() {
    return last;
  }

  @Override
  public void validate() {
    index.validate();
  }

  /** Does one operation to both. */
  void play(VmaOp operation) {
    last = operation;
    switch (operation) {
      case Insert(long start, long end) -> {
        if (end <= VmaIndex.MAX_ADDRESS && model.findIntersection(start, end) == VmaIndex.NONE) {
          int vma = insert(start, end);
          tell(vma == VmaIndex.NONE ? "NONE" : "vma=" + vma);
        } else {
          tell("not done: no free range");
        }
      }
      case Erase(int place) -> erase(place);
      case SetRange(int place, int from, int to) -> setRange(place, from, to);
      case Fill(long addr, int n) -> fill(addr, n);
      case Copy() -> {
        index = index.copy();
        model = new NaiveVmaIndex(model);
      }
      case Clear() -> {
        index.clear();
        model.clear();
        handles.clear();
        lastErased = VmaIndex.NONE;
        mostVmas = 0;
      }
      case Probe _ -> {}
    }
  }

  private int insert(long start, long end) {
    int handle = index.insert(start, end);
    int modelVma = model.insert(start, end);
    if ((handle == VmaIndex.NONE) != (modelVma == VmaIndex.NONE)) {
      throw new RuleViolation(
          modelVma == VmaIndex.NONE ? "NONE from insert into a full index" : "a handle from insert",
          "vma=" + handle + " with " + model.size() + " of " + maxVmas + " VMAs");
    }
    if (handle != VmaIndex.NONE) {
      handles.put(modelVma, handle);
      mostVmas = Math.max(mostVmas, model.size());
      lastErased = lastErased == handle ? VmaIndex.NONE : lastErased;
    }
    return handle;
  }

  private void erase(int place) {
    if (model.size() == 0) {
      return;
    }
    int modelVma = model.handleAt(place % model.size());
    lastErased = handle(modelVma);
    if (telling()) {
      tell("vma=" + lastErased + " " + text(modelVma));
    }
    index.erase(lastErased);
    model.erase(modelVma);
    handles.remove(modelVma);
  }

  private void setRange(int place, int from, int to) {
    if (model.size() == 0) {
      return;
    }
    int modelVma = model.handleAt(place % model.size());
    int prev = model.prev(modelVma);
    int next = model.next(modelVma);
    long low = prev == VmaIndex.NONE ? 0 : model.end(prev);
    long high =
        next == VmaIndex.NONE
            ? Math.min(VmaIndex.MAX_ADDRESS, model.end(modelVma) + 4 * PAGE)
            : model.start(next);
    long a = low + (high - low) / 256 * from + (from == 256 ? (high - low) % 256 : 0);
    long b = low + (high - low) / 256 * to + (to == 256 ? (high - low) % 256 : 0);
    if (a != b) {
      if (telling()) {
        tell(
            String.format(
                "vma=%d from %s to [0x%x, 0x%x)",
                handle(modelVma), text(modelVma), Math.min(a, b), Math.max(a, b)));
      }
      index.setRange(handle(modelVma), Math.min(a, b), Math.max(a, b));
      model.setRange(modelVma, Math.min(a, b), Math.max(a, b));
    }
  }

  private void fill(long addr, int n) {
    boolean promised = index.reserve(n);
    if (promised != model.reserve(n)) {
      throw new RuleViolation(
          "reserve(" + n + ") = " + !promised,
          promised + " with " + model.size() + " of " + maxVmas + " VMAs");
    }
    int capacity = index.capacity();
    long at = addr;
    for (int i = 0; i < n && promised; i++) {
      at = model.gapAbove(Math.min(at, VmaIndex.MAX_ADDRESS), VmaIndex.MAX_ADDRESS, PAGE);
      if (at == VmaIndex.NONE_ADDR) {
        return;
      }
      int handle = insert(at, at + PAGE / 2);
      if (telling() && i < 4) {
        tell(String.format("vma=%d at 0x%x", handle, at));
      }
      if (handle >= capacity) {
        throw new RuleViolation("a reserved handle below capacity " + capacity, "vma=" + handle);
      }
      at += PAGE;
    }
  }
}
