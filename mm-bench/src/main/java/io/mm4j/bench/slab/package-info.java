// SPDX-License-Identifier: Apache-2.0

/** The slab allocator beside malloc libraries, Netty and the JDK's arenas. */
@NullMarked
package io.mm4j.bench.slab;

import org.jspecify.annotations.NullMarked;
