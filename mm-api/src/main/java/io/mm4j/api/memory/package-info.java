// SPDX-License-Identifier: Apache-2.0

/** Physical memory: bytes of RAM, page frames and their owners, nodes, zones, pageblocks. */
@NullMarked
package io.mm4j.api.memory;

import org.jspecify.annotations.NullMarked;
