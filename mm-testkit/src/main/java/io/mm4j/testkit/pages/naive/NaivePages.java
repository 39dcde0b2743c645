// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.naive;

import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.plugin.Options;
import java.util.function.Function;

/** Provides {@link NaivePageAllocator}, or something made from it. */
public final class NaivePages implements PageAllocatorProvider {
  private final String name;
  private final Function<Floors, PageAllocator> factory;

  /** The naive allocator itself. */
  public NaivePages() {
    this("naive", NaivePageAllocator::new);
  }

  /** Another one. */
  public NaivePages(String name, Function<Floors, PageAllocator> factory) {
    this.name = name;
    this.factory = factory;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public String summary() {
    return "one lock and few lines, for tests";
  }

  @Override
  public Capabilities capabilities() {
    // Not Linux's decisions: those are the model's.
    return new Capabilities(true, true, false);
  }

  @Override
  public PageAllocator create(Floors floors, Options options) {
    return factory.apply(floors);
  }
}
