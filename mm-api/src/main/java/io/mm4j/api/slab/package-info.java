// SPDX-License-Identifier: Apache-2.0

/**
 * Object allocation: the contract of the slab floor.
 *
 * <p>Objects are known by the physical address of their first byte, a {@code long}: that is what
 * {@link io.mm4j.api.memory.PhysicalMemory} reads and writes by, and {@link
 * io.mm4j.api.memory.Architecture#va} makes the kernel's address of it. No object of Java stands
 * for one, and none is made to allocate or free one.
 *
 * <p>{@link io.mm4j.api.slab.SlabAllocator} is the allocator, {@link io.mm4j.api.slab.CpuSlabs} the
 * same for one CPU, to be kept by whoever calls often: its calls are final methods of this package
 * that work on {@link io.mm4j.api.slab.ObjectSheaf}s, so that no plugin's class stands between a
 * caller and an object that the CPU has at hand. {@link io.mm4j.api.slab.ObjectFrames} knows which
 * frames have objects and which objects are live.
 */
@NullMarked
package io.mm4j.api.slab;

import org.jspecify.annotations.NullMarked;
