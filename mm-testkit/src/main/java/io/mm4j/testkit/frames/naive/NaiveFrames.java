// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.naive;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.plugin.Options;
import java.util.function.Function;

/** Provides {@link NaiveFrameAllocator}, or something made from it. */
public final class NaiveFrames implements FrameAllocatorProvider {
  private final String name;
  private final boolean types;
  private final Choice choice;
  private final Function<Zone, FrameAllocator> factory;

  /** The naive allocator itself. */
  public NaiveFrames() {
    this("naive", zone -> new NaiveFrameAllocator(zone, Pages.MAX_PAGE_ORDER));
  }

  /** Another allocator that claims all that the naive one can do. */
  public NaiveFrames(String name, Function<Zone, FrameAllocator> factory) {
    this(name, true, factory);
  }

  /** Another allocator, with or without types, with lists in the kernel's order. */
  public NaiveFrames(String name, boolean types, Function<Zone, FrameAllocator> factory) {
    this(name, types, Choice.KERNEL_LISTS, factory);
  }

  /** Another allocator, with or without types, that chooses blocks as it says. */
  public NaiveFrames(
      String name, boolean types, Choice choice, Function<Zone, FrameAllocator> factory) {
    this.name = name;
    this.types = types;
    this.choice = choice;
    this.factory = factory;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public String summary() {
    return "a sorted map of blocks, for tests";
  }

  @Override
  public Capabilities capabilities() {
    return new Capabilities(
        types,
        true,
        true,
        choice == Choice.KERNEL_LISTS,
        choice == Choice.RESERVED_TREES,
        Pages.MAX_PAGE_ORDER,
        1 << 20,
        choice);
  }

  @Override
  public FrameAllocator create(Zone zone, Options options) {
    return factory.apply(zone);
  }
}
