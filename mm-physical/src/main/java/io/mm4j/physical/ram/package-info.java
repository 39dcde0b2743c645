// SPDX-License-Identifier: Apache-2.0

/** The bytes of RAM, off heap, and the two plugins of {@code physical-memory} that use them. */
@NullMarked
package io.mm4j.physical.ram;

import org.jspecify.annotations.NullMarked;
