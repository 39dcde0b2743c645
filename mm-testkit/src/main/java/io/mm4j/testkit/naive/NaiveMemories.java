// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.naive;

import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.plugin.Options;

/** Provides {@link NaiveMemory}, or something made from it. */
public final class NaiveMemories implements PhysicalMemoryProvider {
  /** Makes a memory. */
  @FunctionalInterface
  public interface Factory {
    /** A new one. */
    PhysicalMemory create(MemoryLayout layout, boolean contents);
  }

  private final String name;
  private final Factory factory;

  /** The naive memory itself. */
  public NaiveMemories() {
    this("naive", NaiveMemory::new);
  }

  /** Another one. */
  public NaiveMemories(String name, Factory factory) {
    this.name = name;
    this.factory = factory;
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
  public PhysicalMemory create(MemoryLayout layout, boolean contents, Options options) {
    return factory.create(layout, contents);
  }
}
