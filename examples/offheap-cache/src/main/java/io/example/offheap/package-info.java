// SPDX-License-Identifier: Apache-2.0

/** A cache whose values lie outside of the heap, on three stores in turn. */
package io.example.offheap;
