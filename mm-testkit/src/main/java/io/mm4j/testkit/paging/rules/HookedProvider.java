// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging.rules;

import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.plugin.Options;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A page allocator whose allocations fail or do something first when a rule wants that. */
public final class HookedProvider implements PageAllocatorProvider {
  private final PageAllocatorProvider inner;
  private @Nullable HookedPages made;

  /** Over a right one. */
  public HookedProvider(PageAllocatorProvider inner) {
    this.inner = inner;
  }

  @Override
  public String name() {
    return "hooked";
  }

  @Override
  public String summary() {
    return "fails when a rule wants it";
  }

  @Override
  public PageAllocatorProvider.Capabilities capabilities() {
    return inner.capabilities();
  }

  @Override
  public PageAllocator create(Floors floors, Options options) {
    HookedPages hooked = new HookedPages(inner.create(floors, Options.defaults(inner)));
    made = hooked;
    return hooked;
  }

  /** The allocator of the machine that was booted with this. */
  public HookedPages made() {
    return Objects.requireNonNull(made);
  }
}
