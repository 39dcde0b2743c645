// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.naive;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.BootAllocator;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.plugin.OptionSpec;
import io.mm4j.api.plugin.Options;
import java.util.List;

/** Provides {@link NaiveMemory}, or something made from it. */
public final class NaiveMemories implements PhysicalMemoryProvider {
  /** Makes a memory. */
  @FunctionalInterface
  public interface Factory {
    /** A new one. */
    PhysicalMemory create(MemoryLayout layout, Contents contents);
  }

  /** Makes a boot allocator. */
  @FunctionalInterface
  public interface Boots {
    /**
     * A new one.
     *
     * @param name the option {@code boot}
     */
    BootAllocator create(String name, MemoryLayout layout, NaiveRanges.Clearer clearer);
  }

  private final String name;
  private final Factory factory;
  private final Boots boots;

  /** The naive memory itself. */
  public NaiveMemories() {
    this("naive", NaiveMemory::new);
  }

  /** Another one. */
  public NaiveMemories(String name, Factory factory) {
    this(name, factory, NaiveMemories::boot);
  }

  /** Another one, with another boot allocator. */
  public NaiveMemories(String name, Factory factory, Boots boots) {
    this.name = name;
    this.factory = factory;
    this.boots = boots;
  }

  /** The naive boot allocator of this name. */
  public static BootAllocator boot(String name, MemoryLayout layout, NaiveRanges.Clearer clearer) {
    return switch (name) {
      case "memblock" -> new NaiveMemblock(layout, clearer);
      case "bootmem" -> new NaiveBootmem(layout, clearer);
      default ->
          throw new InputException("boot=" + name, "physical-memory=naive", "memblock, bootmem");
    };
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public String summary() {
    return "arrays on the heap, for tests";
  }

  @Override
  public List<OptionSpec> options() {
    return List.of(new OptionSpec("boot", OptionSpec.Type.TEXT, "memblock", "memblock, bootmem"));
  }

  @Override
  public PhysicalMemory create(MemoryLayout layout, Contents contents, Options options) {
    PhysicalMemory memory = factory.create(layout, contents);
    if (memory instanceof NaiveMemory naive) {
      naive.bootBy(boots.create(options.text("boot"), layout, naive::clearBytes));
    }
    return memory;
  }
}
